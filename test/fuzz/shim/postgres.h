/*-------------------------------------------------------------------------
 *
 * postgres.h
 *	  As much of the server as the filter language needs up to the compiler.
 *
 * Memory is an arena that is emptied after each input, an error is a
 * longjmp() or, with an ErrorSaveContext, a flag, and the stack has a limit.
 * The names are the server's, so that src/filter compiles unchanged.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SHIM_POSTGRES_H
#define SHIM_POSTGRES_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef uint8_t uint8;
typedef uint16_t uint16;
typedef int32_t int32;
typedef uint32_t uint32;
typedef int64_t int64;
typedef uint32_t Oid;
typedef uintptr_t Datum;
typedef size_t Size;

#define PG_INT32_MAX INT32_MAX
#define FLEXIBLE_ARRAY_MEMBER
#define PGDLLIMPORT
#define pg_noreturn __attribute__((noreturn))
#define pg_attribute_printf(f, a) __attribute__((format(printf, f, a)))
#define lengthof(array) ((int) (sizeof(array) / sizeof((array)[0])))
#define Min(a, b) ((a) < (b) ? (a) : (b))
#define Max(a, b) ((a) > (b) ? (a) : (b))
#define CHECK_FOR_INTERRUPTS() ((void) 0)
#define pg_strncasecmp strncasecmp

/* a failed assertion is a finding */
#define Assert(condition) \
	((condition) ? (void) 0 : shim_broken(#condition, __FILE__, __LINE__))
pg_noreturn extern void shim_broken(const char *what, const char *file,
									int line);

/* memory */
extern void *palloc(Size size);
extern void *palloc0(Size size);
extern void *repalloc(void *pointer, Size size);
extern void pfree(void *pointer);
extern char *pstrdup(const char *text);
extern char *downcase_identifier(const char *ident, int len, bool warn,
								 bool truncate);
extern char *pnstrdup(const char *text, Size length);
extern char *psprintf(const char *format,...) pg_attribute_printf(1, 2);
extern void shim_reset(void);

#define repalloc_huge repalloc
#define MCXT_ALLOC_HUGE 1
#define palloc_extended(size, flags) palloc(size)
#define palloc_array(type, count) ((type *) palloc(sizeof(type) * (count)))

/* stack */
extern void check_stack_depth(void);
extern void shim_stack_base(void *base);

/* errors */
#define ERROR 21
#define ERRCODE_SYNTAX_ERROR 1
#define ERRCODE_DATA_CORRUPTED 2
#define ERRCODE_STATEMENT_TOO_COMPLEX 3

typedef struct Node Node;
struct Node
{
	bool		error_occurred;
};

extern jmp_buf *shim_catch;
extern int	shim_errcode;

extern int	errcode(int code);
extern int	errmsg(const char *format,...) pg_attribute_printf(1, 2);
extern int	errdetail(const char *format,...) pg_attribute_printf(1, 2);
extern int	errhint(const char *format,...) pg_attribute_printf(1, 2);
extern int	internalerrquery(const char *query);
extern int	internalerrposition(int position);
pg_noreturn extern void shim_throw(void);

#define errmsg_internal errmsg
#define errdetail_internal errdetail
#define ereport(level, ...) \
	do { (void) (__VA_ARGS__); shim_throw(); } while (0)
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (__VA_ARGS__); \
		if ((context) == NULL) \
			shim_throw(); \
		((Node *) (context))->error_occurred = true; \
		return dummy_value; \
	} while (0)
/* an internal error is a finding */
#define elog(level, ...) shim_broken("elog", __FILE__, __LINE__)

/* string buffers */
typedef struct StringInfoData
{
	char	   *data;
	int			len;
	int			maxlen;
} StringInfoData;
typedef StringInfoData *StringInfo;

extern void initStringInfo(StringInfo buffer);
extern void appendStringInfo(StringInfo buffer, const char *format,...)
			pg_attribute_printf(2, 3);
extern void appendStringInfoString(StringInfo buffer, const char *text);
extern void appendStringInfoChar(StringInfo buffer, char c);
extern void appendStringInfoSpaces(StringInfo buffer, int count);
extern void appendBinaryStringInfo(StringInfo buffer, const char *data, int length);

/* lists */
typedef struct ListCell
{
	void	   *value;
} ListCell;
typedef struct List
{
	int			length;
	int			room;
	ListCell   *cells;
} List;

#define NIL ((List *) NULL)
#define lfirst(cell) ((cell)->value)
#define linitial(list) ((list)->cells[0].value)
#define list_length(list) ((list) == NIL ? 0 : (list)->length)
#define foreach(cell, list) \
	for (int shim_i = 0; \
		 shim_i < list_length(list) && ((cell) = &(list)->cells[shim_i]) != NULL; \
		 shim_i++)
extern List *lappend(List *list, void *value);

/* varlena: four bytes of length, header included */
#define VARHDRSZ 4
#define SET_VARSIZE(pointer, size) (*(int32 *) (pointer) = (size))
#define VARSIZE_ANY_EXHDR(pointer) (*(const int32 *) (pointer) - VARHDRSZ)
#define VARDATA_ANY(pointer) ((char *) (pointer) + VARHDRSZ)

/* characters: UTF-8 */
extern bool pg_verifymbstr(const char *text, int length, bool no_error);
extern int	pg_mbstrlen_with_len(const char *text, int length);
extern int	pg_mbcharcliplen(const char *text, int length, int limit);

/* declared in filter.h, for the compiler only */
typedef struct Expr Expr;
typedef void *TupleDesc;
typedef int64 TimestampTz;

/* base.h */
extern const char *nearest_name(const char *word, List *candidates);

#endif							/* SHIM_POSTGRES_H */
