EXTENSION  = segment
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" segment.control)

# The house: a room may use itself and the rooms to its left.
ROOMS = base filter profile source trait audience feed flow worker

MODULE_big = segment
OBJS = src/segment.o $(patsubst %.c,%.o,$(wildcard $(ROOMS:%=src/%/*.c)))
ONCE = $(foreach r,$(ROOMS),$(wildcard src/$(r)/$(r).sql))
API  = $(foreach r,$(ROOMS),$(wildcard src/$(r)/$(r).api.sql))
DATA_built = segment--$(EXTVERSION).sql
PG_CPPFLAGS = -Isrc
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -fvisibility=hidden

REGRESS = --schedule=test/schedule
REGRESS_OPTS = --load-extension=segment
ISOLATION = $(basename $(notdir $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=segment

PG_CONFIG := $(or $(PG_CONFIG),$(shell test/tools/find_pg_config),pg_config)
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# These targets stand alone: they need no server yet, and touch none that is there.
ALONE = demo check check-slow check-versions oracle bench dist

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
$(filter-out $(ALONE),$(MAKECMDGOALS)):
	@$(MAKE) --no-print-directory $@

else ifeq ($(wildcard $(PGXS)),)

all install uninstall installcheck clean:
	@PG_CONFIG='$(PG_CONFIG)' test/tools/find_pg_config --explain; false

else

include $(PGXS)

segment--$(EXTVERSION).sql: $(ONCE) $(API) Makefile
	for r in $(ROOMS); do cat src/$$r/$$r.sql src/$$r/$$r.api.sql 2>/dev/null; done | \
	  sed 's/^CREATE OR REPLACE /CREATE /' > $@

# PGXS does not track headers
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*/*.h)

endif
