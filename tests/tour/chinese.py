"""What the people of the shop wrote, in Chinese."""

from __future__ import annotations

from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob

NAMES = {
    "monitor.api": "监控：API",
    "monitor.website": "监控：网站",
    "stock.export": "向仓库导出库存",
    "statistics": "销售统计",
    "newsletter.march": "发送订阅邮件",
    "invoices.nightly": "夜间开具发票",
    "backup.monthly": "月度归档",
    "cleanup.sessions": "清理会话",
    "rates.import": "汇率",
    "maintenance": "维护窗口",
}
_MOVED = "会话表正在迁移"


def translate_shop() -> None:
    """Write over the names and reasons in the database."""
    for job_id, name in NAMES.items():
        ScheduledJob.objects.filter(job_id=job_id).update(name=name)
        JobRun.objects.filter(job_id=job_id).update(job_name=name)
    JobRun.objects.filter(progress_done__gt=0).update(progress_text="正在统计三月份的订单")
    ScheduledJob.objects.filter(job_id="cleanup.sessions").update(pause_reason=_MOVED)
    JobLogEntry.objects.filter(action="paused").update(reason=_MOVED)
    JobLogEntry.objects.filter(action="rescheduled").update(reason="银行三点截止批量处理")
