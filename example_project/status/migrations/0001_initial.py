"""The tables, as `makemigrations` wrote them."""
# ruff: noqa: D101

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Monitor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                (
                    "url",
                    models.CharField(
                        help_text="A whole URL, or a path on this site like /targets/fast/.",
                        max_length=400,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^(https?://|/)", "Enter http://…, https://… or a path on this site."
                            )
                        ],
                        verbose_name="URL",
                    ),
                ),
                (
                    "schedule",
                    models.CharField(
                        default="30",
                        help_text="Seconds between two checks (30), or a crontab line in the monitor's zone (*/5 8-17 * * mon-fri).",
                        max_length=100,
                    ),
                ),
                ("time_zone", models.CharField(default="UTC", help_text="Like Europe/Berlin.", max_length=64)),
                ("active", models.BooleanField(default=True, help_text="Switch off to pause the checks.")),
                ("median", models.FloatField(editable=False, null=True)),
                ("slowest", models.FloatField(editable=False, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Measurement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("up", models.BooleanField()),
                ("milliseconds", models.FloatField()),
                ("answer", models.CharField(max_length=200)),
                (
                    "monitor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="measurements", to="status.monitor"
                    ),
                ),
            ],
            options={
                "ordering": ["-at"],
                "indexes": [models.Index(fields=["monitor", "-at"], name="status_latest")],
            },
        ),
        migrations.CreateModel(
            name="Maintenance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("begins_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "monitor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="maintenances", to="status.monitor"
                    ),
                ),
            ],
            options={
                "verbose_name": "maintenance window",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("begins_at"))), name="ends_later"
                    )
                ],
            },
        ),
    ]
