/*-------------------------------------------------------------------------
 *
 * pack.c
 *	  How does a tree lie on disk?
 *
 * Behind a version byte, the nodes in preorder, each
 *
 *		op, detail, number of arguments [, length of text, text]
 *
 *		orders > 3
 *		01	18 00 02			GT, two arguments
 *			01 00 00 06 orders	COLUMN
 *			04 00 00 01 3		NUMBER
 *
 * Op and detail are a byte, numbers are in groups of seven bits, lowest
 * first, the high bit set on all but the last.  Whether there is a text is
 * known from op and detail.
 *
 * The bytes depend on the canonical text alone, so equal filters are equal
 * byte for byte, and no byte that the parser could not have caused is
 * accepted: what comes from disk may have been damaged, or forged.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "filter/filter_private.h"

typedef struct Unpacker
{
	const char *start;
	const char *position;
	const char *end;
} Unpacker;

static void pack_node(StringInfo out, const FilterNode *node);
static void pack_number(StringInfo out, uint32 number);
static FilterNode *unpack_node(Unpacker *unpacker);
static uint8 unpack_byte(Unpacker *unpacker);
static uint32 unpack_number(Unpacker *unpacker);
static char *unpack_text(Unpacker *unpacker);
pg_noreturn static void corrupted(Unpacker *unpacker, const char *problem);

Filter *
filter_pack(const FilterNode *node)
{
	StringInfoData out;
	Filter	   *filter;

	initStringInfo(&out);
	/* room for the header */
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendStringInfoChar(&out, FILTER_VERSION);
	pack_node(&out, node);

	filter = (Filter *) out.data;
	SET_VARSIZE(filter, out.len);
	return filter;
}

/* pack_node() appends the bytes of a node and of its arguments. */
static void
pack_node(StringInfo out, const FilterNode *node)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	Assert(filter_check_node(node) == NULL);

	appendStringInfoChar(out, (char) node->op);
	appendStringInfoChar(out, (char) node->detail);
	pack_number(out, node->nargs);
	if (filter_has_text(node->op, node->detail))
	{
		size_t		length = strlen(node->text);

		pack_number(out, length);
		appendBinaryStringInfo(out, node->text, length);
	}
	for (int i = 0; i < node->nargs; i++)
		pack_node(out, node->args[i]);
}

static void
pack_number(StringInfo out, uint32 number)
{
	while (number >= 0x80)
	{
		appendStringInfoChar(out, (char) (number | 0x80));
		number >>= 7;
	}
	appendStringInfoChar(out, (char) number);
}

FilterNode *
filter_unpack(const Filter *filter)
{
	Unpacker	unpacker;
	FilterNode *node;

	unpacker.start = VARDATA_ANY(filter);
	unpacker.position = unpacker.start;
	unpacker.end = unpacker.start + VARSIZE_ANY_EXHDR(filter);

	if (unpack_byte(&unpacker) != FILTER_VERSION)
		corrupted(&unpacker, "is of an unknown version");
	node = unpack_node(&unpacker);
	if (!op_is(node, KIND_FILTER))
		corrupted(&unpacker, "is no filter");
	if (unpacker.position != unpacker.end)
		corrupted(&unpacker, "has bytes behind its end");
	return node;
}

/* unpack_node() reads and checks a node and its arguments. */
static FilterNode *
unpack_node(Unpacker *unpacker)
{
	FilterNode *node;
	const char *problem;
	uint8		op;
	uint8		detail;
	uint32		nargs;

	check_stack_depth();

	op = unpack_byte(unpacker);
	if (op >= FILTER_OP_COUNT)
		corrupted(unpacker, "has an unknown op");
	detail = unpack_byte(unpacker);
	nargs = unpack_number(unpacker);
	/* each argument takes three bytes or more: no room for absurd numbers */
	if (nargs > (unpacker->end - unpacker->position) / 3)
		corrupted(unpacker, "ends too early");

	node = filter_node((FilterOp) op, NULL, -1);
	node->detail = detail;
	if (filter_has_text(node->op, detail))
		node->text = unpack_text(unpacker);
	if (nargs > 0)
		node->args = palloc_extended(nargs * sizeof(FilterNode *),
									 MCXT_ALLOC_HUGE);
	while (node->nargs < nargs)
	{
		CHECK_FOR_INTERRUPTS();
		node->args[node->nargs] = unpack_node(unpacker);
		node->nargs++;
	}

	problem = filter_check_node(node);
	if (problem != NULL)
		corrupted(unpacker, psprintf("has a node \"%s\" that %s",
									 filter_ops[op].name, problem));
	return node;
}

static uint8
unpack_byte(Unpacker *unpacker)
{
	if (unpacker->position == unpacker->end)
		corrupted(unpacker, "ends too early");
	return (uint8) *unpacker->position++;
}

/* unpack_number() reads a number that pack_number() has written. */
static uint32
unpack_number(Unpacker *unpacker)
{
	uint32		number = 0;

	for (int shift = 0; shift < 32; shift += 7)
	{
		uint8		byte = unpack_byte(unpacker);

		/* the fifth byte has four bits; a last byte of zero is superfluous */
		if ((shift == 28 && byte > 0x0f) || (shift > 0 && byte == 0))
			break;
		number |= (uint32) (byte & 0x7f) << shift;
		if (byte < 0x80)
			return number;
	}
	corrupted(unpacker, "has a number that is not canonical");
}

/* unpack_text() reads a length and so many bytes of text. */
static char *
unpack_text(Unpacker *unpacker)
{
	uint32		length = unpack_number(unpacker);
	char	   *text;

	if (length > unpacker->end - unpacker->position)
		corrupted(unpacker, "ends too early");
	if (memchr(unpacker->position, '\0', length) != NULL ||
		!pg_verifymbstr(unpacker->position, length, true))
		corrupted(unpacker, "has a text in a wrong encoding");
	text = pnstrdup(unpacker->position, length);
	unpacker->position += length;
	return text;
}

bool
filter_has_text(FilterOp op, uint8 detail)
{
	FilterTextRule rule = filter_ops[op].text;

	return rule != TEXT_ABSENT &&
		!(rule == TEXT_TIMES && detail == FILTER_TIMES_ANY);
}

static void
corrupted(Unpacker *unpacker, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("filter is corrupted"),
			 errdetail("It %s, at byte %d.", problem,
					   (int) (unpacker->position - unpacker->start))));
}
