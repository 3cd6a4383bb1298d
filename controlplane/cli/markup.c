/* SPDX-License-Identifier: BSD-3-Clause */
#include "markup.h"

#include <string.h>

bool
markup_next(const char **at, struct markup_block *block)
{
	const char *line = *at;
	size_t len = strcspn(line, "\n");

	if (len == 0)
		return false;
	*at = line + len + (line[len] == '\n');
	*block = (struct markup_block){ .text = line, .len = len };
	if (strncmp(line, "- ", 2) == 0) {
		block->term = line + 2;
		block->term_len = strcspn(block->term, ":");
		block->text = block->term + block->term_len + 2;
		block->len = len - (size_t)(block->text - line);
	}
	return true;
}

size_t
markup_term_width(const char *at)
{
	struct markup_block block;
	size_t width = 0;

	while (markup_next(&at, &block) && block.term != NULL)
		if (block.term_len > width)
			width = block.term_len;
	return width;
}
