/*-------------------------------------------------------------------------
 *
 * reward_private.h
 *	  Rewards of a program: what the files about them share.
 *
 *		reward.c			which rewards are there, and who may have them?
 *		reward_define.c		they are made, changed and dropped
 *		voucher.c			vouchers are issued, and cancelled
 *		voucher_use.c		what a till does: redeem_reward, use_voucher ...
 *		reward_auto.c		points that turn into vouchers by themselves
 *		reward_reader.c		their conditions follow names
 *		reward_read.c		what a customer and an owner ask
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_REWARD_PRIVATE_H
#define SEGMENT_REWARD_PRIVATE_H

#include "executor/tuptable.h"

#include "loyalty/loyalty_private.h"

/* reward.c: which rewards are there, and who may have them? --------------- */

/* The stock of a reward of which there is no end. */
#define ENDLESS			(-1)

/* A reward as it is defined. */
typedef struct Reward
{
	char	   *name;
	int64		price;
	int64		stock;			/* how many are left, or ENDLESS */
	int64		stocked;		/* how many there were, or ENDLESS */
	int64		most;			/* of a customer in the period; 0: no limit */
	char	   *period_text;
	Recent		period;
	TimestampTz valid_from;
	TimestampTz valid_until;
	char	   *condition;		/* or NULL */
	char	   *expires_text;
	Terms		expires;
	bool		is_auto;
	char	   *description;	/* or NULL */
} Reward;

/*
 * rewards_read() reads the rewards (Reward *) of a program, by name.
 * reward_find() is one of them, or NULL; reward_must_find() raises an error
 * with the nearest name instead.
 */
extern List *rewards_read(const Population *population, const char *program);
extern Reward *reward_find(const Program *program, const char *name);
extern Reward *reward_must_find(const Program *program, const char *name);

/* A reward that a customer has had. */
typedef struct Had
{
	char	   *reward;
	TimestampTz at;
} Had;

/* Of whom it is asked whether they may have a reward, and as of when. */
typedef struct RewardCustomer
{
	const Program *program;
	TupleTableSlot *profile;	/* row of the base table, or NULL */
	List	   *had;			/* Had * */
	TimestampTz at;
} RewardCustomer;

/* Why a customer may not have a reward. */
typedef enum RewardAnswer
{
	REWARD_ALLOWED,
	REWARD_NOT_YET,
	REWARD_NO_MORE,
	REWARD_NOT_YOURS,			/* its condition does not hold */
	REWARD_OFTEN_ENOUGH,
	REWARD_OUT_OF_STOCK,
} RewardAnswer;

/*
 * reward_ask() says whether a customer may have a reward, whatever it costs.
 * Its condition has to bind.  reward_left() is how often the customer may have
 * it, as far as the limit goes.
 */
extern RewardAnswer reward_ask(const Reward *reward,
							   const RewardCustomer *customer);
extern int64 reward_left(const Reward *reward,
						 const RewardCustomer *customer);

/* had_rows() takes rewards (Had *) from rows: reward, issued_at. */
extern List *had_rows(uint64 rows);

/* A customer whose profile is locked, while it is open. */
typedef struct LockedCustomer
{
	RewardCustomer customer;
	ProfileTable *table;		/* NULL: it is not looked at */
} LockedCustomer;

/*
 * reward_customer() reads what a reward asks of a customer whose profile is
 * locked.  reward_customer_end() closes it; what was had is still there.
 */
extern void reward_customer(LockedCustomer *locked, const Ledger *ledger,
							const Account *account, const Reward *reward);
extern void reward_customer_end(LockedCustomer *locked);

/*
 * reward_take() takes one out of the stock, if there is one left: false if
 * there is not.  It is the one row that customers have in common, so it comes
 * last.
 */
extern bool reward_take(const Program *program, const Reward *reward);

/* reward_restock() puts one back, of whatever reward has that name now. */
extern void reward_restock(const Program *program, const char *reward);

/*
 * rewards_lock() keeps definitions as they are until the transaction ends, for
 * who issues or cancels vouchers; rewards_lock_others() keeps these out.
 */
extern void rewards_lock(const Program *program);
extern void rewards_lock_others(const Program *program);

/* reward_define.c --------------------------------------------------------- */

/* reward_sources() and reward_traits() name (char *) what goes with them. */
extern List *reward_sources(const Population *population,
							const char *program);
extern List *reward_traits(const char *program);

/* reward_forget() deletes the definition of a reward. */
extern void reward_forget(const Population *population, const char *program,
						  const char *reward);

/* reward_reader.c: reward_reader_init() lets conditions follow names. */
extern void reward_reader_init(void);

/* voucher.c: vouchers are issued, and cancelled --------------------------- */

/* A voucher that is about to be issued, for a movement that is written. */
typedef struct Voucher
{
	const Reward *reward;
	const Movement *movement;
	bool		is_auto;
} Voucher;

/* vouchers_issue() writes vouchers (Voucher *). */
extern void vouchers_issue(Ledger *ledger, List *vouchers);

/*
 * voucher_cancel() cancels the voucher that a movement has bought, before the
 * movement is reversed as a 'whole' or in part; an error if it was used, or
 * not as a whole.  The reward is restocked by rewards_end().  Returns false if
 * the movement has bought none; *is_auto says whether it was issued by itself.
 */
extern bool voucher_cancel(Ledger *ledger, int64 movement, bool whole,
						   bool *is_auto);

/*
 * voucher_unused() is the movement of the last one that was issued by itself,
 * can be used, and was paid for by the points of a grant; or with 'others', if
 * there is none, by points that are still good.  0: there is none.
 */
extern int64 voucher_unused(Ledger *ledger, const Account *account,
							int64 grant, bool others);

/* reward_auto.c: points that turn into vouchers by themselves ------------- */

/*
 * rewards_end() ends a request, after it is written: what was cancelled is in
 * stock again, and if 'issues', customers get what they have reached.
 */
extern void rewards_end(Ledger *ledger, bool issues);

/* reward_read.c ----------------------------------------------------------- */

/*
 * reward_card() is what a card says of a customer's vouchers, and of what
 * there is to be had (jsonb), or 0 if the program has no rewards; within a
 * question.  reward_verify() appends rows to what verify_program() returns.
 */
extern Datum reward_card(const Program *program, Datum key);
extern void reward_verify(FunctionCallInfo fcinfo, const Program *program);

#endif							/* SEGMENT_REWARD_PRIVATE_H */
