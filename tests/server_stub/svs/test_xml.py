"""XML signatures and fiscal bills (R34): SM2 and RSA, tampering, wrapping, and what is no XML for us."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from server_stub.svs.errors import SvsFault
from server_stub.svs.xmltree import EXCLUSIVE, INCLUSIVE, canonical, parse
from signing.pki import Certificate
from tests.server_stub.svs.conftest import RSA, SM2, Svs, unb64

RECORD = '<记录 xmlns:a="urn:a" 编号="1"><!-- 注 --><a:项>甲 &amp; 乙</a:项>\n  <空/></记录>'.encode()
BILL = """<?xml version="1.0" encoding="UTF-8"?>
<EInvoice><Header><EInvoiceTag>CZ-EI</EInvoiceTag><EInvoiceID>4400012345</EInvoiceID></Header>
<EInvoiceData><Main><InvoicingPartyName>测试医院</InvoicingPartyName><TotalAmount>128.50</TotalAmount></Main>
</EInvoiceData></EInvoice>""".encode()
INVALID, FORMAT = str(0x0400000C), str(0x0400000D)


@pytest.mark.parametrize("method", [SM2, RSA])
def test_an_enveloped_signature(svs: Svs, method: int) -> None:
    made = unb64(svs.form("SignXML", **svs.key(method), inData=RECORD, certificateChain=True)["signedXML"])
    found = svs.form("VerifyXML", signedXML=made, verifyLevel=1)
    assert found["respValue"] == "0"
    assert unb64(found["cert"]) == svs.certificate(method)
    assert svs.form("VerifyXML", signedXML=made.replace("甲".encode(), "丙".encode()))["respValue"] == INVALID
    assert svs.form("VerifyXML", signedXML=made.replace(b"\n  <", b"\n <"))["respValue"] == INVALID
    again = svs.form("SignXML", **svs.key(method), inData=made)
    assert again["respValue"] == FORMAT, "signed already"


@pytest.mark.parametrize("method", [SM2, RSA])
def test_a_detached_signature(svs: Svs, method: int) -> None:
    made = unb64(svs.form("SignXML", **svs.key(method), inData=RECORD, detached=True)["signedXML"])
    assert svs.form("VerifyXML", signedXML=made, inData=RECORD)["respValue"] == "0"
    assert svs.form("VerifyXML", signedXML=made, inData=RECORD + b" ")["respValue"] == INVALID
    assert svs.form("VerifyXML", signedXML=made)["respValue"] == FORMAT


def test_the_rsa_signature_is_right_for_another_reader(svs: Svs) -> None:
    """By hand from W3C's rules: digest of the document without Signature, value over SignedInfo."""
    from cryptography.hazmat.primitives import hashes

    made = unb64(svs.form("SignXML", **svs.key(RSA), inData=RECORD)["signedXML"])
    root = etree.fromstring(made)
    signature = root[-1]
    ds = "{http://www.w3.org/2000/09/xmldsig#}"
    info = etree.tostring(signature.find(f"{ds}SignedInfo"), method="c14n", exclusive=True)
    value = unb64(signature.findtext(f"{ds}SignatureValue") or "")
    assert Certificate.from_der(svs.certificate(RSA)).public_key.verify(value, info)
    root.remove(signature)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(etree.tostring(root, method="c14n", exclusive=True, with_comments=False))
    assert unb64(signature.findtext(f".//{ds}DigestValue") or "") == digest.finalize()


def test_wrapping_a_signature_is_refused(svs: Svs) -> None:
    """The signed document moved aside and another in its place; two signatures; another transform."""
    made = unb64(svs.form("SignXML", **svs.key(SM2), inData=b"<a><b>1</b></a>")["signedXML"])
    root = etree.fromstring(made)
    signature = root[-1]
    outer = etree.Element("a")
    etree.SubElement(outer, "b").text = "2"
    outer.append(root)
    assert svs.form("VerifyXML", signedXML=etree.tostring(outer))["respValue"] == FORMAT
    twice = made.replace(b"</a>", etree.tostring(signature) + b"</a>")
    assert svs.form("VerifyXML", signedXML=twice)["respValue"] == FORMAT
    other = made.replace(b"xmldsig#enveloped-signature", b"TR/1999/REC-xslt-19991116")
    assert svs.form("VerifyXML", signedXML=other)["respValue"] == FORMAT


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "http://localhost/x"><a/>',
        b"<a>" * 400 + b"</a>" * 400,
        b"<?xml-stylesheet href='x'?><a/>",
    ],
)
def test_what_is_not_signed(svs: Svs, data: bytes) -> None:
    answer = svs.form("SignXML", **svs.key(SM2), inData=data)
    assert answer["respValue"] in (FORMAT, str(0x0400000F))


@pytest.mark.parametrize("method", [SM2, RSA])
def test_a_fiscal_bill(svs: Svs, method: int) -> None:
    """R34 非税: the issuer signs, the supervisor signs over that; every change is found."""
    one = unb64(svs.form("SignEBill", **svs.key(method), inData=BILL, role="issuer")["signedBill"])
    found = svs.form("VerifyEBill", signedBill=one)
    assert (found["respValue"], found["count"], found["role1"]) == ("0", "1", "issuer")
    both = unb64(svs.form("SignEBill", **svs.key(SM2), inData=one, role="supervisor")["signedBill"])
    found = svs.form("VerifyEBill", signedBill=both)
    assert (found["respValue"], found["count"], found["role2"]) == ("0", "2", "supervisor")
    assert unb64(found["cert1"]) == svs.certificate(method)
    for old, new in (
        (b"128.50", b"1.00"),
        (b"4400012345", b"4400012346"),
        (b"<SignatureTime>2", b"<SignatureTime>1"),
    ):
        assert svs.form("VerifyEBill", signedBill=both.replace(old, new, 1))["respValue"] == INVALID, old
    root = etree.fromstring(both)
    signatures = root.find("EInvoiceSignature")
    assert signatures is not None
    signatures.remove(signatures[0])
    assert svs.form("VerifyEBill", signedBill=etree.tostring(root))["respValue"] != "0"


def test_bills_are_signed_in_order(svs: Svs) -> None:
    early = svs.form("SignEBill", **svs.key(SM2), inData=BILL, role="supervisor")
    assert early["respValue"] == FORMAT
    assert svs.form("SignEBill", **svs.key(SM2), inData=BILL, role="patient")["respValue"] == str(0x0400000F)
    assert svs.form("SignEBill", **svs.key(SM2), inData=RECORD, role="issuer")["respValue"] == FORMAT
    assert svs.form("VerifyEBill", signedBill=BILL)["respValue"] == FORMAT


def test_a_part_in_canonical_form_is_what_libxml2_says() -> None:
    """Inclusive: the namespaces and xml: attributes around come along; exclusive: those that are used."""
    root = parse(b'<a xmlns="urn:a" xmlns:b="urn:b" xml:lang="zh"><c b:d="1"><e/></c></a>')
    assert canonical(root[0], EXCLUSIVE) == b'<c xmlns="urn:a" xmlns:b="urn:b" b:d="1"><e></e></c>'
    assert (
        canonical(root[0], INCLUSIVE) == b'<c xmlns="urn:a" xmlns:b="urn:b" xml:lang="zh" b:d="1"><e></e></c>'
    )


@given(st.binary(max_size=300))
def test_any_bytes_are_a_document_or_refused(data: bytes) -> None:
    try:
        parse(data)
    except SvsFault:
        return
