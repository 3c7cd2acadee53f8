/*
 * lab/picture.h - a scenario as a tree for people: from the widest wires inwards.
 *
 *     wire world 203.0.113.0/24
 *     +- host server 203.0.113.10 203.0.113.11
 *     +- nat router-a 203.0.113.2
 *        wire home-a 10.0.1.0/24, 2 ms
 *        +- host alice 10.0.1.2
 */
#ifndef PTN_LAB_PICTURE_H
#define PTN_LAB_PICTURE_H

#include <stdio.h>

#include "net/scenario.h"

/* The topology, then what is timed and what is run. */
void ptn_picture_draw(const struct ptn_scenario *s, FILE *to);

#endif
