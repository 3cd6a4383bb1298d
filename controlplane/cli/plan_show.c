/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

/** How a kind of change is marked, as by diff. */
struct mark {
	const char *change;
	char sign;
	char color;
};

static const struct mark *
mark_of(const json_t *object)
{
	static const struct mark marks[] = { { "added", '+', 'g' }, { "removed", '-', 'r' },
		{ "changed", '~', 'y' } };
	const char *change = output_string(object, "change");

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]) - 1; i++)
		if (strcmp(marks[i].change, change) == 0)
			return &marks[i];
	return &marks[2];
}

static double
number(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static long long
integer(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* Text as it is, all else as JSON; nothing where there is nothing. */
static void
print_value(const json_t *value)
{
	char *text;

	if (json_is_null(value)) {
		fputs("(not given)", stdout);
	} else if (json_is_string(value)) {
		fputs(json_string_value(value), stdout);
	} else {
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		fputs(text != NULL ? text : "?", stdout);
		free(text);
	}
}

static void
show_field(const struct cli *cli, const json_t *field, const struct mark *of_service)
{
	const json_t *before = json_object_get(field, "before");
	const json_t *after = json_object_get(field, "after");

	printf("    %s%c%s %s: ", output_color(cli, of_service->color), of_service->sign,
			output_color(cli, 0), output_string(field, "field"));
	if (of_service->sign != '+')
		print_value(before);
	if (of_service->sign == '~')
		fputs(" -> ", stdout);
	if (of_service->sign != '-')
		print_value(after);
	putchar('\n');
}

static void
print_before_after(const json_t *before, const json_t *after, const char *name)
{
	const json_t *a = json_object_get(before, name), *b = json_object_get(after, name);

	if (a != NULL && b != NULL && json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b))
		return;
	printf(", %s ", name);
	print_value(a != NULL ? a : b);
	if (a != NULL && b != NULL) {
		fputs(" -> ", stdout);
		print_value(b);
	}
}

static void
show_backend(const struct cli *cli, const json_t *backend)
{
	const struct mark *mark = mark_of(backend);
	const json_t *before = json_object_get(backend, "before");
	const json_t *after = json_object_get(backend, "after");

	printf("    %s%c%s backend %s", output_color(cli, mark->color), mark->sign,
			output_color(cli, 0), output_string(backend, "backend"));
	print_before_after(before, after, "weight");
	print_before_after(before, after, "state");
	if (json_is_integer(json_object_get(backend, "slots_before")))
		printf("  (slots %lld -> %lld)", integer(backend, "slots_before"),
				integer(backend, "slots_after"));
	putchar('\n');
}

static void
show_effect(const json_t *effect)
{
	if (!json_is_object(effect))
		return;
	printf("    new flows: %.1f%% move (%lld of %lld slots; the least is %.1f%%)\n",
			number(effect, "moved") * 100, integer(effect, "slots_moved"),
			integer(effect, "slots_before"), number(effect, "moved_minimum") * 100);
	if (json_is_integer(json_object_get(effect, "flows")))
		printf("    established flows: %lld of %lld move\n", integer(effect, "flows_moved"),
				integer(effect, "flows"));
}

static void
show_service(const struct cli *cli, const json_t *service)
{
	const struct mark *mark = mark_of(service);
	const char *id = output_string(service, "service"), *name = output_string(service, "name");
	size_t i;
	json_t *each;

	printf("%s%c service %s%s", output_color(cli, mark->color), mark->sign, name,
			output_color(cli, 0));
	if (strcmp(name, id) != 0)
		printf(" (%s)", id);
	putchar('\n');
	if (mark->sign != '-') {
		json_array_foreach(json_object_get(service, "fields"), i, each)
				show_field(cli, each, mark);
		json_array_foreach(json_object_get(service, "backends"), i, each)
				show_backend(cli, each);
	}
	if (integer(service, "backends_not_listed") != 0)
		printf("    ... and %lld more backends\n", integer(service, "backends_not_listed"));
	show_effect(json_object_get(service, "effect"));
}

void
plan_show_services(const struct cli *cli, const json_t *answer)
{
	size_t i;
	json_t *service;

	json_array_foreach(json_object_get(answer, "services"), i, service)
			show_service(cli, service);
	if (integer(answer, "services_not_listed") != 0)
		printf("... and %lld more services\n", integer(answer, "services_not_listed"));
}

static void
show_warning(const struct cli *cli, const json_t *warning)
{
	bool force = json_is_true(json_object_get(warning, "needs_force"));

	printf("%s%s%s %s\n", output_color(cli, force ? 'r' : 'y'),
			force ? "needs --force:" : "note:", output_color(cli, 0),
			output_string(warning, "message"));
}

void
plan_show(const struct cli *cli, const json_t *plan)
{
	size_t i;
	json_t *warning;

	plan_show_services(cli, plan);
	json_array_foreach(json_object_get(plan, "warnings"), i, warning)
			show_warning(cli, warning);
	if (json_array_size(json_object_get(plan, "services")) == 0)
		puts("nothing would change");
}
