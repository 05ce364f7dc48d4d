import sys

from PySide6.QtCore import QCoreApplication, QTimer

from django_apscheduler_ng.schedulers.qt import QtScheduler

application = QCoreApplication(sys.argv)
ran = []


def tick():
    ran.append(True)


def look():
    if ran:
        print("The job ran.")
        scheduler.shutdown()
        application.quit()


scheduler = QtScheduler()
scheduler.add_job(tick, "interval", seconds=1, id="tick")
scheduler.start()
timer = QTimer()
timer.timeout.connect(look)
timer.start(50)
application.exec()
