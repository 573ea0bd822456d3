"""`manage.py extract_messages`: brings the Japanese catalogue up to date; `--check` fails when it is not whole."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing_portal.catalogue import po_file, to_text, untranslated, updated


class Command(BaseCommand):
    """Extracts messages."""

    help = "Extracts the messages of code and templates into locale/ja."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --check."""
        parser.add_argument("--check", action="store_true", help="change nothing; fail when something is missing")

    def handle(self, *, check: bool, **options: Any) -> None:
        """Write the catalogue, or compare it."""
        catalog = updated()
        text = to_text(catalog)
        missing = untranslated(catalog)
        file = po_file()
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            self.stdout.write(f"{len(catalog)} messages, {len(missing)} without translation")
            return
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            raise CommandError("the catalogue is not up to date: run manage.py extract_messages")
        if missing:
            raise CommandError("not translated: " + "; ".join(missing[:20]))
