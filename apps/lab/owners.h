/*
 * lab/owners.h - whose a ready descriptor is.
 */
#ifndef PTN_LAB_OWNERS_H
#define PTN_LAB_OWNERS_H

enum ptn_lab_owner {
    PTN_LAB_SIGNAL,
    PTN_LAB_CABLE,    /* key: the host */
    PTN_LAB_PROGRAM,  /* key: the program and which of its descriptors (cast.c) */
    PTN_LAB_LISTENER, /* key: the forward */
    PTN_LAB_FORWARD,  /* key: the connection and its side (forward.c) */
    PTN_LAB_CONTROL,
};

#endif
