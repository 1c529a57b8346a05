-- One fold of all that is pending.
SELECT E'SELECT * FROM segment.tick();\n';
