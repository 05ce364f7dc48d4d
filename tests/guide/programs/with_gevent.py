from gevent.event import Event

from django_apscheduler_ng.schedulers.gevent import GeventScheduler

done = Event()


def tick():
    print("The job ran.")
    scheduler.remove_job("tick")
    done.set()


scheduler = GeventScheduler()
scheduler.add_job(tick, "interval", seconds=1, id="tick")
scheduler.start()
done.wait(30)
scheduler.shutdown()
