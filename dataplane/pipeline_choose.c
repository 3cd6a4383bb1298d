/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/pipeline.h"

#include <stddef.h>

#include <rte_cpuflags.h>

#include "base/compiler.h"

extern const struct pipeline pipeline_avx2;
extern const struct pipeline pipeline_portable;

const struct pipeline *const pipelines[] = { &pipeline_avx2, &pipeline_portable, NULL };

/* What x86-64-v3 adds to x86-64-v2: the compiler may use all of it. */
static const enum rte_cpu_flag_t v3[] = {
	RTE_CPUFLAG_AVX,
	RTE_CPUFLAG_AVX2,
	RTE_CPUFLAG_BMI1,
	RTE_CPUFLAG_BMI2,
	RTE_CPUFLAG_F16C,
	RTE_CPUFLAG_FMA,
	RTE_CPUFLAG_LZCNT,
	RTE_CPUFLAG_MOVBE,
};

bool
pipeline_runs_here(const struct pipeline *pipeline)
{
	if (pipeline != &pipeline_avx2)
		return true;		     /* What the whole program needs. */
	if (!__builtin_cpu_supports("avx2")) /* The operating system saves the registers, too. */
		return false;
	for (size_t i = 0; i < ARRAY_LEN(v3); i++)
		if (rte_cpu_get_flag_enabled(v3[i]) != 1)
			return false;
	return true;
}

const struct pipeline *
pipeline_choose(void)
{
	size_t i = 0;

	while (!pipeline_runs_here(pipelines[i]))
		i++; /* The last one always does. */
	return pipelines[i];
}
