from tornado.ioloop import IOLoop

from django_apscheduler_ng.schedulers.tornado import TornadoScheduler


async def tick():
    print("The job ran.")
    scheduler.shutdown(wait=False)
    IOLoop.current().stop()


scheduler = TornadoScheduler()
scheduler.add_job(tick, "interval", seconds=1)
IOLoop.current().add_callback(scheduler.start)
IOLoop.current().start()
