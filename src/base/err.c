/*
 * base/err.c - the words for each kind of error.
 */
#include "base/err.h"

const char *ptn_err_text(enum ptn_err err)
{
    switch (err) {
    case PTN_OK: return "no error";
    case PTN_ERR_NO_MEMORY: return "out of memory";
    case PTN_ERR_NO_ROOM: return "no room left";
    case PTN_ERR_IN_USE: return "the address is in use";
    case PTN_ERR_NOT_PERMITTED: return "not permitted";
    case PTN_ERR_NOT_FOUND: return "not found";
    case PTN_ERR_UNREACHABLE: return "unreachable";
    case PTN_ERR_REFUSED: return "refused";
    case PTN_ERR_RESET: return "connection reset";
    case PTN_ERR_TIMED_OUT: return "timed out";
    case PTN_ERR_NOT_TRUSTED: return "certificate not trusted";
    case PTN_ERR_CERT_NAME: return "certificate not trusted: it is for another name";
    case PTN_ERR_CERT_DATE: return "certificate not trusted: it has expired, or is not valid yet";
    case PTN_ERR_CERT_CA: return "certificate not trusted: its CA is unknown here";
    case PTN_ERR_NO_SUCH_NAME: return "the name servers know no such name";
    case PTN_ERR_NO_ADDRESS: return "the name has no address that can be used from here";
    case PTN_ERR_NAMES_SILENT: return "no name server answers";
    case PTN_ERR_NAMES_UNREACHABLE: return "no name server can be reached";
    case PTN_ERR_NAMES_FAILED: return "the name server has failed (SERVFAIL)";
    case PTN_ERR_NAMES_REFUSED: return "the name server refuses to answer";
    case PTN_ERR_UNSUPPORTED: return "not supported";
    case PTN_ERR_INVALID: return "malformed";
    case PTN_ERR_IO: return "input/output error";
    }
    return "unknown error";
}
