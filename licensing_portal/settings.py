"""Django settings; everything that differs between installations comes from the environment (see README)."""

import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from licensing_portal import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))

# What this installation is
DEMO = env.flag("DEMO")
DEBUG = env.flag("DEBUG")
SECRET_KEY = env.secret("SECRET_KEY")
if not SECRET_KEY:
    if not (DEMO or DEBUG):
        raise ImproperlyConfigured("SECRET_KEY is not set (or SECRET_KEY_FILE); DEMO=1 makes one for a demo")
    # A demo's sessions may end with its process: `manage.py demo` hands a stored key to its children.
    SECRET_KEY = secrets.token_urlsafe(48)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]" if DEMO or DEBUG else "")

# Microsoft
ENTRA_AUTHORITY = env.base_url("ENTRA_AUTHORITY", "https://login.microsoftonline.com")
ENTRA_TENANT_ID = env.text("ENTRA_TENANT_ID").lower()
ENTRA_CLIENT_ID = env.text("ENTRA_CLIENT_ID")
ENTRA_CLIENT_SECRET = env.secret("ENTRA_CLIENT_SECRET")
ENTRA_CLIENT_CERTIFICATE = env.secret("ENTRA_CLIENT_CERTIFICATE")
GRAPH_BASE_URL = env.base_url("GRAPH_BASE_URL", "https://graph.microsoft.com/v1.0")
PARTNER_CENTER_BASE_URL = env.base_url("PARTNER_CENTER_BASE_URL", "https://api.partnercenter.microsoft.com/v1")
GATEWAY_STATIC_TOKEN = env.secret("GATEWAY_STATIC_TOKEN")
GATEWAY_STATIC_TENANT = env.text("GATEWAY_STATIC_TENANT").lower()
DIRECTORY_BACKEND = env.choice("DIRECTORY_BACKEND", "graph", ("graph",))
# Dotted path of the callable that makes an HTTP session; the tests put the sandbox behind it in process.
GATEWAY_SESSION_FACTORY = "licensing_portal.gateways.exchange.new_session"

# Saving
WRITES_PER_SECOND = env.number("WRITES_PER_SECOND", 18)
WRITE_BURST = env.whole("WRITE_BURST", 300, least=1)
CALLS_AT_ONCE = env.whole("CALLS_AT_ONCE", 4, least=1)
MAX_USERS_PER_CHANGE = env.whole("MAX_USERS_PER_CHANGE", 50_000, least=1)
REVIEW_ABOVE = env.whole("REVIEW_ABOVE", 100)

# Reading in the background: what changed at each customer this often (0: only when asked), everything once a day
SYNC_EVERY_MINUTES = env.number("SYNC_EVERY_MINUTES", 60)
FULL_SYNC_EVERY_HOURS = env.number("FULL_SYNC_EVERY_HOURS", 24, least=1)

_MICROSOFT_URLS = (ENTRA_AUTHORITY, GRAPH_BASE_URL, PARTNER_CENTER_BASE_URL)
if bool(GATEWAY_STATIC_TOKEN) != bool(GATEWAY_STATIC_TENANT):
    raise ImproperlyConfigured("GATEWAY_STATIC_TOKEN and GATEWAY_STATIC_TENANT belong together")
if GATEWAY_STATIC_TOKEN and not env.is_loopback(GRAPH_BASE_URL):
    raise ImproperlyConfigured("GATEWAY_STATIC_TOKEN is for a stand-in on this machine: GRAPH_BASE_URL is not loopback")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "licensing_portal.apps.SiteConfig",
    "licensing_portal.staff",
    "customers",
    "licenses",
    # After ours: our db_worker command adds the heartbeat and the sweeper to theirs.
    "django_tasks_db",
]

MIDDLEWARE = [
    "licensing_portal.middleware.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Above the static files, so that style and script travel compressed too.
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "licensing_portal.middleware.SignInRequiredMiddleware",
    "licensing_portal.middleware.PagesMiddleware",
]

ROOT_URLCONF = "licensing_portal.urls"
WSGI_APPLICATION = "licensing_portal.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "licensing_portal.context.site",
                "licensing_portal.demo.context.demo",
                "licenses.context.running_changes",
            ],
        },
    }
]


# PostgreSQL's defaults suit spinning disks and few long queries: a count reads the whole table and starts processes of
# its own. `?options=` in DATABASE_URL replaces these.
_FOR_SHORT_QUERIES = {
    "options": "-c random_page_cost=1.1 -c work_mem=16MB -c max_parallel_workers_per_gather=0 -c jit=off"
}


def _database() -> dict[str, Any]:
    """Return the default database: DATABASE_URL, else SQLite in var/."""
    url = env.secret("DATABASE_URL")
    if not url:
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{VAR_DIR / 'portal.sqlite3'}"
    # dj_database_url types its answer as a closed dictionary; OPTIONS are ours to add.
    config: dict[str, Any] = dict(dj_database_url.parse(url))
    if config["ENGINE"] == "django.db.backends.sqlite3":
        # IMMEDIATE: a read-then-write never loses to another writer; FULL: a claim survives a power cut.
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;"
            " PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY;",
        }
    elif config["ENGINE"] == "django.db.backends.postgresql":
        config["CONN_MAX_AGE"] = 600
        config["CONN_HEALTH_CHECKS"] = True
        config["OPTIONS"] = _FOR_SHORT_QUERIES | config.get("OPTIONS", {})
    else:
        raise ImproperlyConfigured("DATABASE_URL must name SQLite or PostgreSQL")
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TASKS = {
    "default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", "changes", "small", "sync"]},
}

# People and sessions
AUTH_USER_MODEL = "staff.StaffUser"
AUTHENTICATION_BACKENDS = ["licensing_portal.staff.backends.SubjectBackend"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, str]] = []
LOGIN_URL = "staff:signin"
SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# A demo is served over plain http on loopback; anywhere else cookies travel over TLS only.
_OVER_TLS = not (DEMO or DEBUG)
SESSION_COOKIE_SECURE = _OVER_TLS
CSRF_COOKIE_SECURE = _OVER_TLS
CSRF_FAILURE_VIEW = "licensing_portal.errors.csrf_failure"
SECURE_HSTS_SECONDS = 31_536_000 if _OVER_TLS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF, ENTRA_AUTHORITY],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
# The manage form posts a field per product and plan: 779 in the demo's largest tenant.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
# A pasted list of 2 MiB as a browser encodes Japanese text, and then some: a larger list is refused by its own page.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

# Languages and time
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", "en", ("en", "ja"))
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "Asia/Tokyo" if DEMO else "UTC")
USE_THOUSAND_SEPARATOR = True

# Files
STATIC_URL = "/static/"
# Nothing is collected: WhiteNoise serves the source folder, also in many-machine installations.
STATIC_ROOT = None
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Served straight from the source folder, so that a fresh clone needs no collectstatic.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 3600

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"refusals": {"()": "licensing_portal.log_lines.RefusalsInOneLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["refusals"]}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # Below WARNING these two print tokens' surroundings: codes, verifiers, whole addresses.
    "loggers": {"msal": {"level": "WARNING"}, "urllib3": {"level": "WARNING"}},
}

if DEMO:
    if DEBUG:
        raise ImproperlyConfigured("DEMO and DEBUG exclude each other")
    for _url in _MICROSOFT_URLS[1:2]:
        if not env.is_loopback(_url):
            raise ImproperlyConfigured(f"DEMO=1 talks to a stand-in on this machine only, not to {_url}")
