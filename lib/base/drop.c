/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/drop.h"

static const struct {
	const char *name;
	const char *meaning;
} reasons[NB_DROP_REASONS] = { [DROP_NONE] = { "none", "not dropped" },
#define DROP_TEXT(symbol, name, meaning) [DROP_##symbol] = { name, meaning },
	DROP_REASONS(DROP_TEXT)
#undef DROP_TEXT
};

const char *
drop_reason_name(enum drop_reason reason)
{
	return reasons[(unsigned int)reason < NB_DROP_REASONS ? reason : DROP_NONE].name;
}

const char *
drop_reason_meaning(enum drop_reason reason)
{
	return reasons[(unsigned int)reason < NB_DROP_REASONS ? reason : DROP_NONE].meaning;
}
