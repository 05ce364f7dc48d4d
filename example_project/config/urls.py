"""The status page at the root, the admin below it."""

from django.contrib import admin
from django.urls import path
from status import views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("monitors/<int:pk>/", views.detail, name="detail"),
    path("targets/<slug:kind>/", views.target, name="target"),
    path("admin/", admin.site.urls),
]
