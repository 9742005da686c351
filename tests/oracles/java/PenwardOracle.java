// Bouncy Castle as a second opinion: one request a line on stdin, one answer a line on stdout.
//
// Request: command TAB base64 TAB base64 …; answer: "ok" or "no", TAB, base64 of UTF-8 text or bytes.
// "no" means that Bouncy Castle refuses; the text says why. Commands are listed in answer().

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Security;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.List;

import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.cms.Attribute;
import org.bouncycastle.asn1.cms.CMSAttributes;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.SignerInformationVerifier;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampResponse;
import org.bouncycastle.tsp.TimeStampResponseGenerator;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.tsp.TimeStampTokenGenerator;
import org.bouncycastle.util.Store;

public final class PenwardOracle {
    private static final String GM_SM2_SIGN = "1.2.156.10197.1.301.1";
    private static final String SM3 = "1.2.156.10197.1.401";

    private PenwardOracle() {}

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split("\t", -1);
            byte[][] values = new byte[words.length - 1][];
            for (int i = 0; i < values.length; i++) {
                values[i] = Base64.getDecoder().decode(words[i + 1]);
            }
            String verdict = "ok";
            byte[] text;
            try {
                text = answer(words[0], values);
            } catch (Exception error) {
                verdict = "no";
                text = utf8(error.getClass().getSimpleName() + ": " + error.getMessage());
            }
            out.print(verdict + "\t" + Base64.getEncoder().encodeToString(text) + "\n");
            out.flush();
        }
    }

    private static byte[] answer(String command, byte[][] v) throws Exception {
        switch (command) {
            case "raw":
                return raw(certificate(v[0]), v[1], v[2]);
            case "chain":
                return chain(v);
            case "cms":
                return cms(v[0], v.length > 1 ? v[1] : null);
            case "token":
                return token(v[0], v[1], v[2]);
            case "response":
                return response(v[0], v[1], v[2]);
            case "crl":
                return crl(v[0], certificate(v[1]));
            case "ocsp":
                return ocsp(v[0], certificate(v[1]));
            case "request":
                return request(v[0]);
            case "make-cms":
                return makeCms(v[0], v[1][0] == 1, v[2][0] == 1);
            case "make-response":
                return makeResponse(v[0]);
            default:
                throw new IllegalArgumentException("unknown command " + command);
        }
    }

    // certificate, message, signature: the raw signature value under the certificate's key.
    private static byte[] raw(X509Certificate certificate, byte[] message, byte[] value) throws Exception {
        Signature verifier = Signature.getInstance(algorithmOf(certificate), "BC");
        verifier.initVerify(certificate.getPublicKey());
        verifier.update(message);
        require(verifier.verify(value), "signature value does not verify");
        return utf8(verifier.getAlgorithm());
    }

    // certificates from the leaf up: each is verified by the next, the last by itself.
    private static byte[] chain(byte[][] ders) throws Exception {
        for (int i = 0; i < ders.length; i++) {
            X509Certificate lower = certificate(ders[i]);
            X509Certificate upper = certificate(ders[Math.min(i + 1, ders.length - 1)]);
            require(lower.getIssuerX500Principal().equals(upper.getSubjectX500Principal()), "issuer name");
            require(i == 0 || lower.getBasicConstraints() >= 0, "issuer is no CA");
            lower.verify(upper.getPublicKey(), "BC");
        }
        return utf8(Integer.toString(ders.length));
    }

    // message [, detached content]: every signer verifies; answers how many.
    private static byte[] cms(byte[] der, byte[] detached) throws Exception {
        CMSSignedData parsed = new CMSSignedData(der);
        byte[] content = detached;
        if (parsed.getSignedContent() != null) {
            content = (byte[]) parsed.getSignedContent().getContent();
        }
        CMSSignedData message = new CMSSignedData(new CMSProcessableByteArray(content), der);
        Store<X509CertificateHolder> certificates = message.getCertificates();
        int count = 0;
        for (SignerInformation signer : message.getSignerInfos().getSigners()) {
            @SuppressWarnings("unchecked")
            Collection<X509CertificateHolder> found = certificates.getMatches(signer.getSID());
            require(found.size() == 1, "signer's certificate is not in the message");
            X509CertificateHolder holder = found.iterator().next();
            if (signer.getEncryptionAlgOID().equals(GM_SM2_SIGN)) {
                gmSigner(signer, converted(holder), content);
            } else {
                SignerInformationVerifier verifier =
                        new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(converted(holder));
                require(signer.verify(verifier), "signer does not verify");
            }
            count++;
        }
        require(count > 0, "no signer");
        return utf8(Integer.toString(count));
    }

    // GB/T 35275 names the SM2 signature by an OID that Bouncy Castle does not know: same rule, by hand.
    private static void gmSigner(SignerInformation signer, X509Certificate certificate, byte[] content)
            throws Exception {
        require(signer.getDigestAlgOID().equals(SM3), "digest is not SM3");
        byte[] signed = signer.getEncodedSignedAttributes();
        if (signed != null) {
            Attribute attribute = signer.getSignedAttributes().get(CMSAttributes.messageDigest);
            byte[] stated = ASN1OctetString.getInstance(attribute.getAttrValues().getObjectAt(0)).getOctets();
            byte[] actual = MessageDigest.getInstance("SM3", "BC").digest(content);
            require(Arrays.equals(stated, actual), "messageDigest");
        }
        raw(certificate, signed == null ? content : signed, signer.getSignature());
    }

    // token, stamped message, TSA certificate: answers genTime in milliseconds.
    private static byte[] token(byte[] der, byte[] message, byte[] tsa) throws Exception {
        TimeStampToken token = new TimeStampToken(new CMSSignedData(der));
        return validate(token, message, tsa);
    }

    // request, response, TSA certificate: the response answers the request, its token validates.
    private static byte[] response(byte[] request, byte[] der, byte[] tsa) throws Exception {
        TimeStampResponse response = new TimeStampResponse(der);
        response.validate(new TimeStampRequest(request));
        TimeStampToken token = response.getTimeStampToken();
        require(token != null, "rejected: " + response.getStatusString());
        return validate(token, null, tsa);
    }

    private static byte[] validate(TimeStampToken token, byte[] message, byte[] tsa) throws Exception {
        token.validate(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(certificate(tsa)));
        if (message != null) {
            String algorithm = token.getTimeStampInfo().getMessageImprintAlgOID().getId();
            byte[] actual = MessageDigest.getInstance(algorithm, "BC").digest(message);
            require(Arrays.equals(actual, token.getTimeStampInfo().getMessageImprintDigest()), "imprint");
        }
        return utf8(Long.toString(token.getTimeStampInfo().getGenTime().getTime()));
    }

    // list, issuer's certificate: its signature verifies; answers how many entries it has.
    private static byte[] crl(byte[] der, X509Certificate issuer) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509", "BC");
        X509CRL list = (X509CRL) factory.generateCRL(new ByteArrayInputStream(der));
        require(list.getIssuerX500Principal().equals(issuer.getSubjectX500Principal()), "issuer name");
        list.verify(issuer.getPublicKey(), "BC");
        return utf8(Integer.toString(list.getRevokedCertificates() == null ? 0 : list.getRevokedCertificates().size()));
    }

    // response, responder's certificate: its signature verifies; answers how many certificates it speaks of.
    private static byte[] ocsp(byte[] der, X509Certificate responder) throws Exception {
        OCSPResp response = new OCSPResp(der);
        require(response.getStatus() == OCSPResp.SUCCESSFUL, "status " + response.getStatus());
        BasicOCSPResp basic = (BasicOCSPResp) response.getResponseObject();
        require(basic.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC")
                .build(responder.getPublicKey())), "signature does not verify");
        return utf8(Integer.toString(basic.getResponses().length));
    }

    // certificate request: it is signed by the key that it names; answers its subject.
    private static byte[] request(byte[] der) throws Exception {
        PKCS10CertificationRequest request = new PKCS10CertificationRequest(der);
        require(request.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC")
                .build(request.getSubjectPublicKeyInfo())), "signature does not verify");
        return utf8(request.getSubject().toString());
    }

    // content, attached, with attributes: a SignedData by a fresh self-signed SM2 certificate.
    private static byte[] makeCms(byte[] content, boolean attached, boolean attributes) throws Exception {
        KeyPair keys = sm2Keys();
        X509Certificate certificate = selfSigned(keys, false);
        ContentSigner signer = new JcaContentSignerBuilder("SM3WITHSM2").setProvider("BC").build(keys.getPrivate());
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        JcaSignerInfoGeneratorBuilder builder = new JcaSignerInfoGeneratorBuilder(digests());
        generator.addSignerInfoGenerator(builder.setDirectSignature(!attributes).build(signer, certificate));
        generator.addCertificates(new JcaCertStore(List.of(certificate)));
        return generator.generate(new CMSProcessableByteArray(content), attached).getEncoded();
    }

    // request: a response by a fresh self-signed SM2 TSA.
    private static byte[] makeResponse(byte[] request) throws Exception {
        KeyPair keys = sm2Keys();
        X509Certificate certificate = selfSigned(keys, true);
        ContentSigner signer = new JcaContentSignerBuilder("SM3WITHSM2").setProvider("BC").build(keys.getPrivate());
        TimeStampTokenGenerator tokens = new TimeStampTokenGenerator(
                new JcaSignerInfoGeneratorBuilder(digests()).build(signer, certificate),
                digests().get(new AlgorithmIdentifier(new ASN1ObjectIdentifier(SM3))),
                new ASN1ObjectIdentifier("1.2.3.4.5"));
        tokens.addCertificates(new JcaCertStore(List.of(certificate)));
        TimeStampResponseGenerator generator =
                new TimeStampResponseGenerator(tokens, java.util.Set.of(new ASN1ObjectIdentifier(SM3)));
        return generator.generate(new TimeStampRequest(request), BigInteger.TEN, new Date()).getEncoded();
    }

    private static KeyPair sm2Keys() throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "BC");
        generator.initialize(new ECGenParameterSpec("sm2p256v1"));
        return generator.generateKeyPair();
    }

    private static X509Certificate selfSigned(KeyPair keys, boolean tsa) throws Exception {
        Date now = new Date();
        X500Name name = new X500Name("CN=BC test");
        JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                name, BigInteger.valueOf(now.getTime()), new Date(now.getTime() - 60_000),
                new Date(now.getTime() + 3_600_000), name, keys.getPublic());
        if (tsa) {
            builder.addExtension(
                    Extension.extendedKeyUsage, true, new ExtendedKeyUsage(KeyPurposeId.id_kp_timeStamping));
        }
        ContentSigner signer = new JcaContentSignerBuilder("SM3WITHSM2").setProvider("BC").build(keys.getPrivate());
        return converted(builder.build(signer));
    }

    private static DigestCalculatorProvider digests() throws Exception {
        return new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
    }

    private static String algorithmOf(X509Certificate certificate) {
        if (certificate.getPublicKey().getAlgorithm().equals("RSA")) {
            return "SHA256withRSA";
        }
        byte[] sm2Curve = {0x2A, (byte) 0x81, 0x1C, (byte) 0xCF, 0x55, 0x01, (byte) 0x82, 0x2D};
        String spki = new String(certificate.getPublicKey().getEncoded(), StandardCharsets.ISO_8859_1);
        boolean sm2 = spki.contains(new String(sm2Curve, StandardCharsets.ISO_8859_1));
        return sm2 ? "SM3withSM2" : "SHA256withECDSA";
    }

    private static X509Certificate certificate(byte[] der) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509", "BC");
        return (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der));
    }

    private static X509Certificate converted(X509CertificateHolder holder) throws Exception {
        return new JcaX509CertificateConverter().setProvider("BC").getCertificate(holder);
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalStateException(problem);
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
