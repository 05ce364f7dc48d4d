import asyncio

from django_apscheduler_ng.schedulers.asyncio import AsyncIOScheduler


async def main():
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def tick():
        assert asyncio.get_running_loop() is loop
        print("The job ran.")
        scheduler.remove_job("tick")
        done.set()

    scheduler = AsyncIOScheduler()
    scheduler.add_job(tick, "interval", seconds=1, id="tick")
    scheduler.start()
    await done.wait()
    scheduler.shutdown()


asyncio.run(main())
