EXTENSION  = segment
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" segment.control)

# The house: a room may use itself and the rooms to its left.
ROOMS = base state filter profile membership source feed trait time audience flow guard worker loyalty

# The way from each released version to the next, the oldest first, such as
# 0.1.0--0.2.0: each is src/upgrade/<step>.sql, and the last ends here.
STEPS =

MODULE_big = segment
OBJS = src/segment.o $(patsubst %.c,%.o,$(wildcard $(ROOMS:%=src/%/*.c)))
ONCE = $(foreach r,$(ROOMS),$(wildcard src/$(r)/$(r).sql))
API  = $(foreach r,$(ROOMS),$(sort $(wildcard src/$(r)/*.api.sql)))
UPDATE_SQL = $(foreach s,$(STEPS),segment--$(firstword $(subst --, ,$(s)))--$(EXTVERSION).sql)
DATA_built = segment--$(EXTVERSION).sql $(UPDATE_SQL)
PG_CPPFLAGS = -Isrc
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -fvisibility=hidden

REGRESS = --schedule=test/schedule
REGRESS_OPTS = --load-extension=segment
ISOLATION = $(basename $(notdir $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=segment

PG_CONFIG := $(or $(PG_CONFIG),$(shell test/tools/find_pg_config),pg_config)
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# These targets stand alone: they need no server yet, and touch none that is there.
ALONE = demo check check-slow check-versions oracle bench bench-quick dist

# The parts of the bench that say something in two minutes.
BENCH_QUICK = events audiences memberships planner connections

ifneq ($(filter $(ALONE),$(MAKECMDGOALS)),)

.PHONY: $(MAKECMDGOALS)
demo check oracle dist:
	@test/tools/$@
check-slow:
	@test/tools/slow_check
check-versions:
	@test/tools/version_check
bench:
	@test/bench/run
bench-quick:
	@SCALE=0.02 REPETITIONS=3 TOLERANCE=2 PARTS="$${PARTS:-$(BENCH_QUICK)}" test/bench/run
$(filter-out $(ALONE),$(MAKECMDGOALS)):
	@$(MAKE) --no-print-directory $@

else ifeq ($(wildcard $(PGXS)),)

all install uninstall installcheck clean:
	@PG_CONFIG='$(PG_CONFIG)' test/tools/find_pg_config --explain; false

else

include $(PGXS)

segment--$(EXTVERSION).sql: $(ONCE) $(API) Makefile
	cat $(foreach r,$(ROOMS),$(filter src/$(r)/%,$(ONCE) $(API))) | \
	  sed 's/^CREATE OR REPLACE /CREATE /' > $@

# From each released version straight to this one: the steps since, then all of
# today's API.
$(UPDATE_SQL): segment--%--$(EXTVERSION).sql: src/upgrade/begin.sql $(STEPS:%=src/upgrade/%.sql) $(API) Makefile
	{ cat src/upgrade/begin.sql; on=; for s in $(STEPS); do case $$s in $*--*) on=1;; esac; \
	  [ -z "$$on" ] || cat src/upgrade/$$s.sql; done; cat $(API); } > $@

# PGXS does not track headers
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*/*.h)

endif
