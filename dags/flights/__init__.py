"""New York's flights of 2013, from the raw files to a table of features.

Plain functions and one linepipe pipeline: nothing in this package knows where it runs.
"""
