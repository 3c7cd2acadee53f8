/*
 * lab/shell.h - a command, by default a shell, inside a host of a running lab.
 */
#ifndef PTN_LAB_SHELL_H
#define PTN_LAB_SHELL_H

/* `argv` ends with NULL; empty: $SHELL or /bin/sh. Answers the command's exit code, 127 if it
 * could not be run, 1 if there is no such host. */
int ptn_shell(const char *folder, const char *host, char *const argv[]);

#endif
