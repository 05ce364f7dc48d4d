import sys
from threading import Event

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.jobstores.mongodb import MongoDBJobStore
from django_apscheduler_ng.schedulers.background import BackgroundScheduler

done = Event()
scheduler = BackgroundScheduler(jobstores={"default": MongoDBJobStore(host="127.0.0.1", port=int(sys.argv[1]))})
scheduler.add_listener(lambda event: done.set(), EVENT_JOB_EXECUTED)
scheduler.start()
scheduler.add_job("os:getpid", "interval", seconds=1, id="tick")
if done.wait(30):
    print("The job ran.")
scheduler.remove_job("tick")
scheduler.shutdown()
