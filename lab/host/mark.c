// SPDX-License-Identifier: GPL-2.0
/*
 * mark - drop a mark in the trace: mark NUMBER
 *
 * Exit status: 0 done (or not in a modelled machine: then nothing happens),
 * 2 bad usage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/mark.h"

int main(int argc, char **argv)
{
	unsigned long number;
	char *end;

	if (argc != 2) {
		fprintf(stderr, "usage: mark NUMBER\n");
		return 2;
	}
	errno = 0;
	number = strtoul(argv[1], &end, 0);
	if (errno || *end || end == argv[1]) {
		fprintf(stderr, "mark: '%s' is not a number\n", argv[1]);
		return 2;
	}
	lab_mark(number);
	return 0;
}
