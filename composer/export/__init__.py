"""The article leaves the program: Markdown, HTML, a zip, each with its pictures and their credits."""

from composer.export.bundle import Bundle, ExportOptions, bundle, write_bundle, zip_bundle

__all__ = ["Bundle", "ExportOptions", "bundle", "write_bundle", "zip_bundle"]
