/*-------------------------------------------------------------------------
 *
 * wire.c
 *	  A value on the wire: the version of what follows, and its text.
 *
 *		01 61 20 3e 20 31		a > 1
 *
 * So the layout on disk stays ours to change, and numbers that mean something
 * on one server alone, such as types, do not leave it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"

#include "base/base.h"

#define WIRE_VERSION	1

char *
wire_receive(StringInfo message, const char *what)
{
	int			version = pq_getmsgbyte(message);
	int			length;

	if (version != WIRE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported version %d of a %s", version, what)));
	if (memchr(message->data + message->cursor, '\0',
			   message->len - message->cursor) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("%s contains a zero byte", what)));
	/* verifies the encoding */
	return pq_getmsgtext(message, message->len - message->cursor, &length);
}

bytea *
wire_send(const char *text)
{
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint8(&message, WIRE_VERSION);
	pq_sendtext(&message, text, strlen(text));
	return pq_endtypsend(&message);
}
