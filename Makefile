EXTENSION  = segment
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" segment.control)

# The house: a room may use itself and the rooms to its left.
ROOMS = base filter profile source trait audience flow

MODULE_big = segment
OBJS = src/segment.o $(patsubst %.c,%.o,$(wildcard $(ROOMS:%=src/%/*.c)))
ONCE = $(foreach r,$(ROOMS),$(wildcard src/$(r)/$(r).sql))
API  = $(foreach r,$(ROOMS),$(wildcard src/$(r)/$(r).api.sql))
DATA_built = segment--$(EXTVERSION).sql
PG_CPPFLAGS = -Isrc
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -fvisibility=hidden

REGRESS = --schedule=test/schedule
ISOLATION = $(basename $(notdir $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=segment

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

segment--$(EXTVERSION).sql: $(ONCE) $(API) Makefile
	for r in $(ROOMS); do cat src/$$r/$$r.sql src/$$r/$$r.api.sql 2>/dev/null; done | \
	  sed 's/^CREATE OR REPLACE /CREATE /' > $@

# PGXS does not track headers
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*/*.h)
