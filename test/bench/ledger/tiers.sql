-- The same, with tiers by what was paid within the year.
\ir club.sql
SELECT segment.create_tiering('club', 'sum(orders.amount where status = "paid")', period => 'this year', hold => 'end of next year');
SELECT segment.create_tier('club', 'silver', 100), segment.create_tier('club', 'gold', 200);
