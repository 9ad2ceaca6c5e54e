"""The same object and page as views of Django REST Framework, as one would write them: models, a serializer, a paginator."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import django
import zstandard
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["benchmarks"],
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"file:{Path(os.environ['BENCH_DATABASE'])}?mode=ro",
            "OPTIONS": {"uri": True},
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF="benchmarks.django_application",
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - settings come first
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import generics, pagination, serializers  # noqa: E402
from rest_framework.response import Response  # noqa: E402


class Unmanaged:
    """Tables are ctibutler's."""

    app_label = "benchmarks"
    managed = False


class Identifier(models.Model):
    identifier_key = models.IntegerField(primary_key=True)
    stix_id = models.TextField()

    class Meta(Unmanaged):
        db_table = "identifier"


class Release(models.Model):
    release_key = models.IntegerField(primary_key=True)
    knowledge_base = models.TextField()
    latest = models.BooleanField()

    class Meta(Unmanaged):
        db_table = "release"


class Dictionary(models.Model):
    dictionary_key = models.IntegerField(primary_key=True)
    content = models.BinaryField()

    class Meta(Unmanaged):
        db_table = "dictionary"


class StixObject(models.Model):
    object_key = models.IntegerField(primary_key=True)
    identifier = models.ForeignKey(Identifier, models.DO_NOTHING, db_column="identifier_key")
    name = models.TextField()
    listed = models.BooleanField()
    revoked = models.BooleanField()
    deprecated = models.BooleanField()
    releases = models.ManyToManyField(Release, through="Member")

    class Meta(Unmanaged):
        db_table = "object"


class Body(models.Model):
    object = models.OneToOneField(StixObject, models.DO_NOTHING, primary_key=True, db_column="object_key")
    dictionary_key = models.IntegerField()
    content = models.BinaryField()

    class Meta(Unmanaged):
        db_table = "body"


class Member(models.Model):
    object = models.OneToOneField(StixObject, models.DO_NOTHING, primary_key=True, db_column="object_key")
    release = models.ForeignKey(Release, models.DO_NOTHING, db_column="release_key")

    class Meta(Unmanaged):
        db_table = "member"


class StixSerializer(serializers.BaseSerializer):
    """The object itself, from its compressed bytes."""

    decompressors: dict[int, zstandard.ZstdDecompressor] = {}  # noqa: RUF012 - loaded once by each process

    def to_representation(self, instance: Any) -> Any:
        key = instance.body.dictionary_key
        if key not in self.decompressors:
            stored = bytes(Dictionary.objects.get(pk=key).content) if key else b""
            plain = zstandard.ZstdDecompressor().decompress(stored) if stored[:4] == zstandard.FRAME_HEADER else stored
            dictionary = zstandard.ZstdCompressionDict(plain) if key else None
            self.decompressors[key] = zstandard.ZstdDecompressor(dict_data=dictionary)
        return json.loads(self.decompressors[key].decompress(bytes(instance.body.content)))


class Pages(pagination.PageNumberPagination):
    page_size = 50

    def get_paginated_response(self, data: Any) -> Any:
        return Response(
            OrderedDict(
                page_size=self.page_size,
                page_number=self.page.number,
                page_results_count=len(data),
                total_results_count=self.page.paginator.count,
                objects=data,
            )
        )


class ListedObjects(generics.ListAPIView):
    serializer_class = StixSerializer
    pagination_class = Pages

    def get_queryset(self) -> Any:
        latest = Release.objects.filter(knowledge_base="attack-enterprise", latest=True)
        found = StixObject.objects.filter(releases__in=latest, listed=True).select_related("identifier", "body")
        if stix_id := self.kwargs.get("stix_id"):
            return found.filter(identifier__stix_id=stix_id)
        return found.filter(revoked=False, deprecated=False).order_by("name", "identifier__stix_id")


urlpatterns = [
    path("api/v1/attack-enterprise/objects/", ListedObjects.as_view()),
    path("api/v1/attack-enterprise/objects/<str:stix_id>/", ListedObjects.as_view()),
]
application = get_wsgi_application()
