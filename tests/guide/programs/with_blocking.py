from django_apscheduler_ng.schedulers.blocking import BlockingScheduler

scheduler = BlockingScheduler()


@scheduler.scheduled_job("interval", seconds=1)
def tick():
    print("The job ran.")
    scheduler.shutdown(wait=False)


scheduler.start()
