"""XMP packets: what a picture file says of itself, read and written.

Knows namespaces and the forms of values; which values a picture has is others' business.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
SPACES = {
    "x": "adobe:ns:meta/",
    "rdf": RDF,
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "cc": "http://creativecommons.org/ns#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "interleave": "https://interleave.invalid/ns/drawing/1.0/",  # a name, not an address
}
LANGUAGE_TEXTS = ("dc:rights", "dc:description", "dc:title", "xmpRights:UsageTerms")
ORDERED = ("dc:creator",)

Value = str | Sequence[str]
"""A text, or a list of texts."""


def packet(properties: Mapping[str, Value]) -> bytes:
    """A packet of properties by their prefixed names, such as "dc:rights"; empty values are left out."""
    for prefix, space in SPACES.items():
        ET.register_namespace(prefix, space)
    meta = ET.Element(_name("x:xmpmeta"))
    about = ET.SubElement(ET.SubElement(meta, _name("rdf:RDF")), _name("rdf:Description"), {_name("rdf:about"): ""})
    for name, value in properties.items():
        if not value:
            continue
        element = ET.SubElement(about, _name(name))
        if name in LANGUAGE_TEXTS:
            _list(element, "Alt", [_text(value)], {XML_LANG: "x-default"})
        elif isinstance(value, str):
            element.text = _clean(value)
        else:
            _list(element, "Seq" if name in ORDERED else "Bag", value, {})
    body: bytes = ET.tostring(meta, encoding="utf-8")
    return b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>' + body + b'<?xpacket end="w"?>'


def properties_of(xmp: bytes) -> dict[str, Value]:
    """The properties with known prefixes in a packet; none where it cannot be read."""
    try:
        root = fromstring(xmp.strip(b"\0 \r\n\t"))
    except (ET.ParseError, DefusedXmlException, ValueError):
        return {}
    known = {space: prefix for prefix, space in SPACES.items() if prefix not in ("x", "rdf")}
    found: dict[str, Value] = {}
    for about in root.iter(_name("rdf:Description")):
        for attribute, value in about.attrib.items():
            if name := _prefixed(attribute, known):
                found[name] = value
        for element in about:
            if name := _prefixed(element.tag, known):
                found[name] = _value(element, name)
    return found


def _value(element: ET.Element, name: str) -> Value:
    items = [item.text or "" for item in element.iter(_name("rdf:li"))]
    if items:
        return items[0] if name in LANGUAGE_TEXTS else items
    return element.get(_name("rdf:resource")) or element.text or ""


def _list(element: ET.Element, kind: str, items: Sequence[str], attributes: dict[str, str]) -> None:
    row = ET.SubElement(element, _name(f"rdf:{kind}"))
    for item in items:
        ET.SubElement(row, _name("rdf:li"), attributes).text = _clean(item)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _clean(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold."""
    return "".join(
        c for c in text if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    )


def _name(prefixed: str) -> str:
    prefix, _, local = prefixed.partition(":")
    return f"{{{SPACES[prefix]}}}{local}"


def _prefixed(qualified: str, known: Mapping[str, str]) -> str:
    space, _, local = qualified.removeprefix("{").partition("}")
    return f"{known[space]}:{local}" if local and space in known else ""
