-- one row per audience
CREATE TABLE segment.audience (
    population name NOT NULL REFERENCES segment.population,
    audience name NOT NULL,
    filter segment.filter NOT NULL,
    view regclass,
    description text,
    PRIMARY KEY (population, audience)
);
COMMENT ON TABLE segment.audience IS 'audiences: named filters over the profiles of a population';
COMMENT ON COLUMN segment.audience.population IS 'name of the population';
COMMENT ON COLUMN segment.audience.audience IS 'name of the audience';
COMMENT ON COLUMN segment.audience.filter IS 'the profiles for which it holds are the members';
COMMENT ON COLUMN segment.audience.view IS 'view that shows the keys of the members; NULL if there is none';
COMMENT ON COLUMN segment.audience.description IS 'what the audience is for, for people';
SELECT pg_catalog.pg_extension_config_dump('segment.audience', '');
GRANT SELECT ON segment.audience TO PUBLIC;
