/* Counts the heap allocations of the program that links it (glibc). */
#pragma once

unsigned long allocation_count(void);
