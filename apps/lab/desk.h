/*
 * lab/desk.h - where a running lab can be asked something from another terminal.
 *
 * A socket in $XDG_RUNTIME_DIR/postern-lab (without that: /run/postern-lab), named
 * after the lab's process, which answers one line a question:
 *
 *     host NAME    ->  "pid N", a process in that host
 *     do EVENT     ->  "done": as behind `at TIME` in a scenario
 *     anything wrong   "error: …"
 *
 * This is between our own commands; it may change from one release to the next.
 */
#ifndef PTN_LAB_DESK_H
#define PTN_LAB_DESK_H

#include "os/control.h"
#include "stage.h"

enum { PTN_DESK_FOLDER_MAX = 96, PTN_DESK_ANSWER_MAX = 320 };

/* Where labs have their sockets. */
void ptn_desk_folder(char folder[static PTN_DESK_FOLDER_MAX]);

/* Opens the socket of this process; makes the folder. */
enum ptn_err ptn_desk_open(struct ptn_control **out, const char *folder, struct ptn_loop *loop);

/* Answers what has come in. */
void ptn_desk_answer(struct ptn_control *desk, struct ptn_scenario *scenario,
                     struct ptn_stage *stage, ptn_time now);

/* Asks all running labs, the newest first, until one does not answer with an error; with
 * POSTERN_LAB in the environment only the lab with that process number. False when there is none;
 * `answer` is then the error of the last, or says that no lab is running. */
bool ptn_desk_ask(const char *folder, const char *question,
                  char answer[static PTN_DESK_ANSWER_MAX]);

#endif
