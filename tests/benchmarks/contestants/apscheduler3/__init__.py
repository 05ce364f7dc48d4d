"""APScheduler 3: in memory, with SQLAlchemy, and with the job store of django-apscheduler."""
