"""R28: XML parts are read without entities, without the network, and within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.ofd.document import OfdError
from signing.ofd.markup import child_text, floats, integer, number, parse_xml, truth
from signing.ofd.package import Limits

LIMITS = Limits(xml_size=1 << 20, xml_nodes=1000, xml_depth=20)


def code_of(data: bytes) -> str:
    with pytest.raises(OfdError) as caught:
        parse_xml(data, "x.xml", LIMITS)
    return caught.value.code


def test_entities_and_dtds_are_refused() -> None:
    """R28: a bomb of entities, an entity that reads a file, a DTD in UTF-16."""
    laughs = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    assert code_of(laughs) == "ofd.xml-dtd"
    assert code_of(b'<!DOCTYPE a SYSTEM "http://example.invalid/a.dtd"><a/>') == "ofd.xml-dtd"
    assert code_of('<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>'.encode("utf-16")) == "ofd.xml-dtd"


def test_large_deep_and_broken_parts_are_refused() -> None:
    """R28: bytes, tags, attributes, depth, syntax."""
    assert code_of(b"<a>" + b" " * (1 << 20) + b"</a>") == "ofd.xml-too-large"
    assert code_of(b"<a>" + b"<b/>" * 1000 + b"</a>") == "ofd.xml-too-large"
    assert code_of(b"<a " + b" ".join(b'a%d="1"' % i for i in range(1001)) + b"/>") == "ofd.xml-too-large"
    assert code_of(b"<a>" * 30 + b"</a>" * 30) == "ofd.xml-too-large"
    assert code_of(b"<a>" * 400 + b"</a>" * 400) in ("ofd.xml-too-large", "ofd.xml-broken")
    assert code_of(b"<a><b></a>") == "ofd.xml-broken"
    assert code_of(b"") == "ofd.xml-broken"


def test_names_count_without_namespace_and_encodings_are_read() -> None:
    """R28: any namespace, BOM, GBK."""
    for data in (
        b'<o:a xmlns:o="true"><o:b> t </o:b></o:a>',
        b"\xef\xbb\xbf<a><b>t</b></a>",
        '<?xml version="1.0" encoding="GBK"?><a><b>t</b></a>'.encode("gbk"),
    ):
        assert child_text(parse_xml(data, "x.xml", LIMITS), "b") == "t"


@given(st.text(max_size=60))
def test_numbers_are_read_or_defaulted(text: str) -> None:
    """R28: no text makes a reader of numbers raise, or gives what is not finite."""
    assert all(abs(v) <= 1e9 for v in floats(text))
    assert abs(number(text, 1.0)) <= 1e9
    assert isinstance(integer(text, 3), int)
    assert truth(text, True) in (True, False)


@given(st.binary(max_size=300))
def test_noise_raises_only_ofd_error(noise: bytes) -> None:
    """R28: any bytes as XML."""
    for data in (noise, b"<a>" + noise + b"</a>"):
        try:
            parse_xml(data, "x.xml", LIMITS)
        except OfdError as error:
            assert error.code.startswith("ofd.xml-")
