"""Requirements: one short test function each. It asserts on facts and knows no remedy."""
