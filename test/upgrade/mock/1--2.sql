-- Forgotten, this shows at: column note of table segment.mock
ALTER TABLE segment.mock ADD COLUMN note text NOT NULL DEFAULT 'none';
COMMENT ON COLUMN segment.mock.note IS 'note for people';

-- Forgotten, this shows at: function segment.mock_gone()
DROP FUNCTION segment.mock_gone();
