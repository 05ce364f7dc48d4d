"""Jobs from other schedulers: each is read, described as a document of jobs would, and its fire times compared, old and new."""
