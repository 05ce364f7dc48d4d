from twisted.internet import reactor

from django_apscheduler_ng.schedulers.twisted import TwistedScheduler


def tick():
    print("The job ran.")
    reactor.callFromThread(end)


def end():
    scheduler.shutdown()
    reactor.stop()


scheduler = TwistedScheduler()
scheduler.add_job(tick, "interval", seconds=1, id="tick")
scheduler.start()
reactor.run()
