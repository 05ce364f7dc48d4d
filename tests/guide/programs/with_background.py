from threading import Event

from django_apscheduler_ng.schedulers.background import BackgroundScheduler

done = Event()


def tick():
    print("The job ran.")
    scheduler.remove_job("tick")
    done.set()


scheduler = BackgroundScheduler()
scheduler.start()
scheduler.add_job(tick, "interval", seconds=1, id="tick")
done.wait(30)
scheduler.shutdown()
