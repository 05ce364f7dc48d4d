"""The examples of APScheduler's user guide, with nothing but the package's name changed; a file for each section of the guide.

`EXAMPLES.md` says which example is run by which test.
"""
