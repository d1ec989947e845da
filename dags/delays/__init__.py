"""Models of the delay at arrival: from the warehouse's features to a model in service, and back again when it is worn.

Plain functions and linepipe pipelines: nothing in this package knows where it runs.
"""
