// Fingerprint, Identity and Trust: what users give us, most of all what is wrong with it.
#include "echostream/security.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "runtime/transport/certificate.h"
#include "runtime/transport/host_name.h"
#include "runtime/transport/identity_impl.h"
#include "tests/support/test_certificates.h"

namespace echostream {
namespace {

using ::testing::AllOf;
using testing::CertificateSpec;
using ::testing::HasSubstr;
using testing::kCertificateTestTime;
using testing::KeyKind;
using ::testing::Not;
using testing::TestCertificate;

constexpr Duration kDay = std::chrono::hours(24);
const char kPlainHex[] = "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef";
const char kColonHex[] =
    "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:"
    "ef";

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "(no error)" : std::string(result.error().message());
}

template <class T>
StatusCode code_of(const Result<T>& result) {
  return result.status().code();
}

CertificateSpec named(const std::string& name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.dns_names = {name};
  return spec;
}

bssl::UniquePtr<X509> leaf_of(const Identity& identity) {
  return transport::parse_certificate(identity.impl().chain.front().get());
}

Identity self_signed(std::string_view name) {
  return Identity::self_signed(name, kCertificateTestTime).value();
}

// A folder of its own for each test, gone afterwards.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "security_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

// Sets a variable of the environment for one scope.
class ScopedEnvironment {
 public:
  ScopedEnvironment(const char* name, const std::string& value) : name_(name) {
    const char* old = std::getenv(name);
    if (old != nullptr) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~ScopedEnvironment() {
    if (old_) {
      setenv(name_, old_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(Fingerprint, ReadsDigitsWithAndWithoutColonsInEitherCase) {
  const auto plain = Fingerprint::parse(kPlainHex);
  ASSERT_TRUE(plain) << plain.error();
  EXPECT_EQ(plain->digest()[0], 0x00);
  EXPECT_EQ(plain->digest()[1], 0x11);
  EXPECT_EQ(plain->digest()[10], 0xaa);
  EXPECT_EQ(plain->digest()[31], 0xef);
  std::string upper = kColonHex;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(Fingerprint::parse(kColonHex).value(), *plain);
  EXPECT_EQ(Fingerprint::parse(upper).value(), *plain);
}

TEST(Fingerprint, IsWrittenInLowerCaseWithColonsAndReadBack) {
  const Fingerprint fingerprint = Fingerprint::parse(kPlainHex).value();
  EXPECT_EQ(fingerprint.to_string(), kColonHex);
  EXPECT_EQ(Fingerprint::parse(fingerprint.to_string()).value(), fingerprint);
}

TEST(Fingerprint, RefusesEveryTextOfAnotherLength) {
  const std::string longest = std::string(kColonHex) + ":00";
  for (std::size_t size = 0; size <= longest.size(); ++size) {
    if (size == 64 || size == 95) continue;
    const auto result = Fingerprint::parse(longest.substr(0, size));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(code_of(result), StatusCode::kInvalidArgument);
    EXPECT_THAT(message_of(result), HasSubstr("has " + std::to_string(size) + " characters"));
  }
}

TEST(Fingerprint, RefusesAWrongCharacterAtEveryPlaceAndNamesThePlace) {
  for (const std::string good : {kPlainHex, kColonHex}) {
    for (std::size_t i = 0; i < good.size(); ++i) {
      for (const char wrong : {'g', '/', '@', '`', ' ', '\0', '\xff', '-'}) {
        std::string bad = good;
        bad[i] = wrong;
        EXPECT_THAT(message_of(Fingerprint::parse(bad)),
                    HasSubstr("character " + std::to_string(i + 1) + " is not"));
      }
    }
  }
}

TEST(Fingerprint, RefusesColonsInPlaceOfDigitsAndDigitsInPlaceOfColons) {
  std::string text = kPlainHex;
  text[2] = ':';
  EXPECT_FALSE(Fingerprint::parse(text));
  text = kColonHex;
  text[2] = '0';
  EXPECT_THAT(message_of(Fingerprint::parse(text)), HasSubstr("character 3 is not ':'"));
}

TEST(HostName, IsToldFromAddressesAndLabels) {
  using transport::is_host_name;
  for (const char* good : {"a", "localhost", "robot.local", "robot.local.", "x-1.example", "a_b",
                           "xn--bcher-kva.example", "3com.example"}) {
    EXPECT_TRUE(is_host_name(good)) << good;
  }
  for (const char* bad : {"", ".", "a..b", ".a", "-a", "a-", "a.-b", "Robot 7", "192.0.2.1", "::1",
                          "*.example", "k\xc3\xbchl", "a:1", "192.0.2.1."}) {
    EXPECT_FALSE(is_host_name(bad)) << bad;
  }
  EXPECT_TRUE(is_host_name(std::string(63, 'a')));
  EXPECT_FALSE(is_host_name(std::string(64, 'a')));
  std::string longest;
  for (int i = 0; i < 126; ++i) longest += "a.";
  EXPECT_TRUE(is_host_name(longest + "a"));    // 253 characters.
  EXPECT_FALSE(is_host_name(longest + "aa"));  // 254.
  EXPECT_FALSE(is_host_name(std::string_view("a\0b", 3)));
}

TEST(NumericAddress, ReadsBothFamiliesDropsZonesAndUnmapsIpv4) {
  using transport::NumericAddress;
  EXPECT_EQ(NumericAddress::parse("192.0.2.1")->bytes().size(), 4u);
  EXPECT_EQ(NumericAddress::parse("2001:db8::1")->bytes().size(), 16u);
  EXPECT_EQ(NumericAddress::parse("fe80::1%eth0")->bytes()[15], 1);
  const auto mapped = NumericAddress::parse("::ffff:192.0.2.1");
  ASSERT_TRUE(mapped);
  EXPECT_TRUE(equal_bytes(mapped->bytes(), NumericAddress::parse("192.0.2.1")->bytes()));
  for (const char* bad :
       {"", "192.0.2", "192.0.2.256", "192.0.2.1%1", "[::1]", "localhost", "%1"}) {
    EXPECT_FALSE(NumericAddress::parse(bad)) << bad;
  }
  EXPECT_FALSE(NumericAddress::parse(std::string_view("192.0.2.1\0x", 11)));
}

TEST(SelfSigned, IsAVersion3P256CertificateThatSignsItself) {
  const auto leaf = leaf_of(self_signed("robot.local"));
  EXPECT_EQ(X509_get_version(leaf.get()), X509_VERSION_3);
  EXPECT_EQ(transport::subject_for_person(leaf.get()), "robot.local");
  EXPECT_EQ(transport::issuer_for_person(leaf.get()), "robot.local");
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(leaf.get()));
  ASSERT_EQ(EVP_PKEY_id(key.get()), EVP_PKEY_EC);
  EXPECT_EQ(EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key.get()))),
            NID_X9_62_prime256v1);
  EXPECT_EQ(X509_verify(leaf.get(), key.get()), 1);
}

TEST(SelfSigned, MayOnlyBeUsedAsTlsEndEntity) {
  const auto leaf = leaf_of(self_signed("robot.local"));
  EXPECT_EQ(X509_get_key_usage(leaf.get()), static_cast<std::uint32_t>(KU_DIGITAL_SIGNATURE));
  EXPECT_EQ(X509_get_extended_key_usage(leaf.get()),
            static_cast<std::uint32_t>(XKU_SSL_SERVER | XKU_SSL_CLIENT));
  EXPECT_EQ(X509_check_ca(leaf.get()), 0);
  int critical = 0;
  const bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(static_cast<BASIC_CONSTRAINTS*>(
      X509_get_ext_d2i(leaf.get(), NID_basic_constraints, &critical, nullptr)));
  ASSERT_TRUE(constraints);
  EXPECT_EQ(critical, 1);
  EXPECT_EQ(constraints->ca, ASN1_BOOLEAN_FALSE);
}

TEST(SelfSigned, HasALongSerialThatIsNeverTheSame) {
  const auto one = leaf_of(self_signed("robot.local"));
  const auto two = leaf_of(self_signed("robot.local"));
  const auto serial = [](const X509* certificate) {
    return bssl::UniquePtr<BIGNUM>(
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  };
  EXPECT_GE(BN_num_bits(serial(one.get()).get()), 64u);
  EXPECT_FALSE(BN_is_negative(serial(one.get()).get()));
  EXPECT_NE(BN_cmp(serial(one.get()).get(), serial(two.get()).get()), 0);
  EXPECT_NE(self_signed("a").fingerprint(), self_signed("a").fingerprint());
}

TEST(SelfSigned, IsValidFromADayBeforeForTheTimeAskedFor) {
  const auto identity = Identity::self_signed("a", kCertificateTestTime, kDay * 7);
  ASSERT_TRUE(identity) << identity.error();
  const auto leaf = leaf_of(*identity);
  std::int64_t from = 0;
  std::int64_t until = 0;
  ASSERT_EQ(ASN1_TIME_to_posix(X509_get0_notBefore(leaf.get()), &from), 1);
  ASSERT_EQ(ASN1_TIME_to_posix(X509_get0_notAfter(leaf.get()), &until), 1);
  const std::int64_t now = transport::unix_seconds(kCertificateTestTime);
  EXPECT_EQ(from, now - 86400);
  EXPECT_EQ(until, now + 7 * std::int64_t{86400});
}

TEST(SelfSigned, CopesWithTheEndsOfTime) {
  // 1677 and 2262, where nanoseconds end; a sum of the two would overflow.
  for (const WallTime now : {WallTime::min(), WallTime{}, WallTime::max()}) {
    EXPECT_TRUE(Identity::self_signed("a", now, Duration::max()));
    EXPECT_TRUE(Identity::self_signed("a", now, Duration(1)));
  }
}

TEST(SelfSigned, NamesWhatItIsForInTheSubjectAltName) {
  const auto hosts = [](std::string_view name) {
    return transport::hosts_for_person(leaf_of(self_signed(name)).get());
  };
  EXPECT_EQ(hosts("robot.local"), "robot.local");
  EXPECT_EQ(hosts("robot.local."), "robot.local");
  EXPECT_EQ(hosts("robot7"), "robot7");
  EXPECT_EQ(hosts("localhost"), "localhost, 127.0.0.1, ::1");
  EXPECT_EQ(hosts("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(hosts("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(hosts("fe80::1%eth0"), "fe80::1");
  EXPECT_EQ(hosts("Robot in the hall"), "");
}

TEST(SelfSigned, TakesLabelsInAnyScriptAndVeryLongHostNames) {
  EXPECT_EQ(transport::subject_for_person(leaf_of(self_signed("Robot in the hall")).get()),
            "Robot in the hall");
  EXPECT_TRUE(
      Identity::self_signed("Gr\xc3\xbc\xc3\x9f"
                            "e",
                            kCertificateTestTime));
  std::string host = std::string(63, 'a') + "." + std::string(63, 'b') + ".local";
  const auto leaf = leaf_of(self_signed(host));
  EXPECT_EQ(transport::subject_for_person(leaf.get()), std::string(63, 'a'));
  EXPECT_EQ(X509_check_host(leaf.get(), host.data(), host.size(), 0, nullptr), 1);
  EXPECT_TRUE(Identity::self_signed(std::string(64, ' '), kCertificateTestTime));
}

TEST(SelfSigned, RefusesNamesAndTimesThatNoCertificateCanHave) {
  const auto refused = [](std::string_view name) {
    const auto result = Identity::self_signed(name, kCertificateTestTime);
    EXPECT_EQ(code_of(result), StatusCode::kInvalidArgument);
    return message_of(result);
  };
  EXPECT_THAT(refused(""), HasSubstr("empty"));
  EXPECT_THAT(refused(std::string_view("a\0b", 3)), HasSubstr("control characters"));
  EXPECT_THAT(refused("a\nb"), HasSubstr("control characters"));
  EXPECT_THAT(refused(std::string(65, ' ')), HasSubstr("longer than 64"));
  EXPECT_THAT(refused("\xff\xfe"), HasSubstr("UTF-8"));
  EXPECT_THAT(message_of(Identity::self_signed("a", kCertificateTestTime, Duration::zero())),
              HasSubstr("must be positive"));
  EXPECT_THAT(message_of(Identity::self_signed("a", kCertificateTestTime, -kDay)),
              HasSubstr("must be positive"));
}

TEST(Identity, SurvivesTheWayThroughPem) {
  const Identity original = self_signed("robot.local");
  const auto copy =
      Identity::from_pem(original.certificate_chain_pem(), original.private_key_pem());
  ASSERT_TRUE(copy) << copy.error();
  EXPECT_EQ(copy->fingerprint(), original.fingerprint());
  EXPECT_EQ(copy->certificate_chain_pem(), original.certificate_chain_pem());
  EXPECT_EQ(copy->private_key_pem(), original.private_key_pem());
}

TEST(Identity, KeepsTheWholeChainInOrder) {
  CertificateSpec ca = named("Test CA");
  ca.is_ca = true;
  const TestCertificate root = TestCertificate::self_signed(ca);
  const TestCertificate middle = root.issue(ca);
  const TestCertificate leaf = middle.issue(named("robot.local"));
  const Identity identity = leaf.identity({middle, root});
  EXPECT_EQ(identity.impl().chain.size(), 3u);
  EXPECT_EQ(identity.certificate_chain_pem(),
            leaf.certificate_pem() + middle.certificate_pem() + root.certificate_pem());
}

TEST(Identity, FingerprintIsTheDigestOfTheLeaf) {
  const TestCertificate leaf = TestCertificate::self_signed(named("robot.local"));
  Fingerprint::Digest digest{};
  unsigned size = 0;
  ASSERT_EQ(X509_digest(leaf.x509(), EVP_sha256(), digest.data(), &size), 1);
  EXPECT_EQ(leaf.identity().fingerprint(), Fingerprint(digest));
}

TEST(Identity, ReadsEveryUsualKindAndFormOfKey) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kP384, KeyKind::kP521, KeyKind::kRsa2048}) {
    CertificateSpec spec = named("robot.local");
    spec.key = kind;
    const TestCertificate leaf = TestCertificate::self_signed(spec);
    for (const std::string& key : {leaf.private_key_pem(), leaf.traditional_private_key_pem()}) {
      const auto identity = Identity::from_pem(leaf.certificate_pem(), key);
      ASSERT_TRUE(identity) << identity.error();
      // Whatever it was read from, it is written as PKCS#8.
      EXPECT_EQ(identity->private_key_pem(), leaf.private_key_pem());
    }
  }
}

TEST(Identity, ReadsChainAndKeyFromOneText) {
  const TestCertificate leaf = TestCertificate::self_signed(named("robot.local"));
  const std::string both = "a comment\r\n" + leaf.private_key_pem() + leaf.certificate_pem();
  const auto identity = Identity::from_pem(both, both);
  ASSERT_TRUE(identity) << identity.error();
  EXPECT_EQ(identity->certificate_chain_pem(), leaf.certificate_pem());
}

TEST(Identity, ReadsTextWithWindowsLineEnds) {
  const TestCertificate leaf = TestCertificate::self_signed(named("robot.local"));
  const auto windows = [](const std::string& text) {
    std::string result;
    for (const char c : text) result += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return result;
  };
  const auto identity =
      Identity::from_pem(windows(leaf.certificate_pem()), windows(leaf.private_key_pem()));
  EXPECT_TRUE(identity) << identity.status();
}

class BadPem : public ::testing::Test {
 protected:
  std::string error_of_chain(const std::string& chain) const {
    const auto result = Identity::from_pem(chain, leaf_.private_key_pem());
    EXPECT_EQ(code_of(result), StatusCode::kInvalidArgument);
    EXPECT_EQ(ERR_peek_error(), 0u) << "an error was left in BoringSSL's queue";
    return message_of(result);
  }
  std::string error_of_key(const std::string& key) const {
    const auto result = Identity::from_pem(leaf_.certificate_pem(), key);
    EXPECT_EQ(code_of(result), StatusCode::kInvalidArgument);
    EXPECT_EQ(ERR_peek_error(), 0u) << "an error was left in BoringSSL's queue";
    return message_of(result);
  }

  const TestCertificate leaf_ = TestCertificate::self_signed(named("robot.local"));
};

TEST_F(BadPem, SaysThatTheTextIsEmptyOrNotPem) {
  EXPECT_EQ(error_of_chain(""), "the certificate chain is empty");
  EXPECT_EQ(error_of_key(""), "the private key is empty");
  EXPECT_THAT(error_of_chain("hello"), HasSubstr("the certificate chain is not PEM text"));
  EXPECT_THAT(error_of_key("hello"), HasSubstr("the private key is not PEM text"));
  EXPECT_THAT(error_of_chain("x " + leaf_.certificate_pem()), HasSubstr("start of a line"));
}

TEST_F(BadPem, RecognisesDer) {
  const Identity identity = leaf_.identity();
  const CRYPTO_BUFFER* certificate = identity.impl().chain.front().get();
  EXPECT_THAT(error_of_chain(std::string(
                  as_text({CRYPTO_BUFFER_data(certificate), CRYPTO_BUFFER_len(certificate)}))),
              HasSubstr("looks like DER"));
  bssl::ScopedCBB key;
  ASSERT_EQ(CBB_init(key.get(), 256), 1);
  ASSERT_EQ(EVP_marshal_private_key(key.get(), identity.impl().private_key.get()), 1);
  EXPECT_THAT(error_of_key(std::string(as_text({CBB_data(key.get()), CBB_len(key.get())}))),
              HasSubstr("looks like DER"));
}

TEST_F(BadPem, SaysWhatStandsInPlaceOfACertificateOrKey) {
  EXPECT_EQ(error_of_chain(leaf_.private_key_pem()),
            "the certificate chain has no CERTIFICATE block; it begins with a block called "
            "'PRIVATE KEY'");
  EXPECT_EQ(error_of_key(leaf_.certificate_pem()),
            "the private key text has no PRIVATE KEY block; it begins with a block called "
            "'CERTIFICATE'");
}

TEST_F(BadPem, NoticesTextThatIsCutOffAnywhere) {
  const std::string chain = leaf_.certificate_pem();
  for (std::size_t size = 0; size + 2 < chain.size(); ++size) {
    const auto result = Identity::from_pem(chain.substr(0, size), leaf_.private_key_pem());
    ASSERT_FALSE(result) << size;
    ASSERT_THAT(message_of(result), HasSubstr("the certificate chain")) << size;
  }
  const std::string key = leaf_.private_key_pem();
  for (std::size_t size = 0; size + 2 < key.size(); ++size) {
    const auto result = Identity::from_pem(chain, key.substr(0, size));
    ASSERT_FALSE(result) << size;
    ASSERT_THAT(message_of(result), HasSubstr("the private key")) << size;
  }
}

TEST_F(BadPem, NamesTheDamagedBlock) {
  std::string second = leaf_.certificate_pem();
  second[100] = '!';
  EXPECT_THAT(error_of_chain(leaf_.certificate_pem() + second),
              AllOf(HasSubstr("damaged in PEM block 2"), HasSubstr("base64")));
  const std::string wrong_content =
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_THAT(error_of_chain(leaf_.certificate_pem() + wrong_content),
              HasSubstr("holds a damaged certificate, the one in PEM block 2"));
  EXPECT_THAT(error_of_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
              HasSubstr("the private key is damaged"));
  EXPECT_THAT(error_of_key("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"),
              HasSubstr("the private key is damaged"));
  EXPECT_THAT(
      error_of_key("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
      HasSubstr("the private key is damaged"));
}

TEST_F(BadPem, SaysThatTheKeyIsEncrypted) {
  EXPECT_THAT(error_of_key(leaf_.encrypted_private_key_pem("secret")),
              HasSubstr("the private key is encrypted with a passphrase"));
  EXPECT_THAT(error_of_key("-----BEGIN EC PRIVATE KEY-----\n"
                           "Proc-Type: 4,ENCRYPTED\n"
                           "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n"
                           "\n"
                           "AAAA\n"
                           "-----END EC PRIVATE KEY-----\n"),
              HasSubstr("the private key is encrypted with a passphrase"));
}

TEST_F(BadPem, SaysThatTheKeyIsOfAnotherCertificate) {
  const TestCertificate other = TestCertificate::self_signed(named("other.local"));
  EXPECT_EQ(error_of_key(other.private_key_pem()),
            "the private key belongs to another certificate than 'robot.local', the first of the "
            "chain");
  CertificateSpec rsa = named("other.local");
  rsa.key = KeyKind::kRsa2048;
  EXPECT_THAT(error_of_key(TestCertificate::self_signed(rsa).private_key_pem()),
              HasSubstr("another certificate"));
  EXPECT_THAT(error_of_chain(other.certificate_pem() + leaf_.certificate_pem()),
              HasSubstr("belongs to certificate 2 of the chain; the leaf"));
}

TEST_F(BadPem, RefusesKeysThatPeersWouldNotAccept) {
  CertificateSpec spec = named("robot.local");
  spec.key = KeyKind::kRsa1024;
  EXPECT_THAT(error_of_key(TestCertificate::self_signed(spec).private_key_pem()),
              HasSubstr("RSA key of 1024 bits"));
  spec.key = KeyKind::kEd25519;
  EXPECT_THAT(error_of_key(TestCertificate::self_signed(spec).private_key_pem()),
              HasSubstr("neither an ECDSA nor an RSA key"));
  EXPECT_THAT(
      error_of_key("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n"),
      HasSubstr("'DSA PRIVATE KEY', which is not supported"));
}

TEST_F(BadPem, RefusesTwoKeysAndChainsThatAreNoChains) {
  EXPECT_THAT(error_of_key(leaf_.private_key_pem() + leaf_.private_key_pem()),
              HasSubstr("more than one private key"));
  std::string chain;
  for (int i = 0; i < 11; ++i) chain += leaf_.certificate_pem();
  EXPECT_THAT(error_of_chain(chain), HasSubstr("has 11 certificates, more than 10"));
  EXPECT_THAT(error_of_chain(std::string(std::size_t{2} << 20, '\n') + leaf_.certificate_pem()),
              HasSubstr("bytes, more than the 1048576 that are read"));
}

TEST_F(BadPem, C07_NeverShowsKeyMaterial) {
  std::string key = leaf_.private_key_pem();
  const std::string secret = key.substr(60, 16);
  for (std::size_t i = 0; i < key.size(); ++i) {
    std::string damaged = key;
    damaged[i] = '!';
    const auto result = Identity::from_pem(leaf_.certificate_pem(), damaged);
    EXPECT_FALSE(result) << i;
    EXPECT_THAT(message_of(result), Not(HasSubstr(secret)));
  }
}

TEST(IdentityFiles, AreReadAndNamedInErrors) {
  const ScratchFolder folder;
  const TestCertificate leaf = TestCertificate::self_signed(named("robot.local"));
  const std::string chain = folder.write("chain.pem", leaf.certificate_pem());
  const std::string key = folder.write("key.pem", leaf.private_key_pem());
  const auto identity = Identity::from_pem_files(chain, key);
  ASSERT_TRUE(identity) << identity.error();
  EXPECT_EQ(identity->fingerprint(), leaf.identity().fingerprint());

  const auto swapped = Identity::from_pem_files(key, chain);
  EXPECT_EQ(code_of(swapped), StatusCode::kInvalidArgument);
  EXPECT_THAT(message_of(swapped),
              AllOf(HasSubstr(chain), HasSubstr(key), HasSubstr("has no CERTIFICATE block")));
}

TEST(IdentityFiles, ThatCannotBeReadAreNamedWithTheReason) {
  const ScratchFolder folder;
  const TestCertificate leaf = TestCertificate::self_signed(named("robot.local"));
  const std::string chain = folder.write("chain.pem", leaf.certificate_pem());
  const std::string missing = folder.path("missing.pem");
  const auto no_chain = Identity::from_pem_files(missing, chain);
  EXPECT_EQ(code_of(no_chain), StatusCode::kNotFound);
  EXPECT_EQ(message_of(no_chain),
            "the certificate chain: cannot read '" + missing + "': No such file or directory");
  const auto no_key = Identity::from_pem_files(chain, missing);
  EXPECT_EQ(code_of(no_key), StatusCode::kNotFound);
  EXPECT_THAT(message_of(no_key), HasSubstr("the private key: cannot read '" + missing));
  EXPECT_THAT(message_of(Identity::from_pem_files(folder.path(""), chain)),
              HasSubstr("is not a regular file"));
}

TEST(IdentityFiles, WithoutPermissionSaySo) {
  const ScratchFolder folder;
  const std::string path = folder.write("key.pem", "x");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  if (std::ifstream(path).is_open()) GTEST_SKIP() << "root may read everything";
  EXPECT_EQ(code_of(Identity::from_pem_files(path, path)), StatusCode::kPermissionDenied);
}

TEST(IdentityFiles, ThatAreDevicesOrTooLargeAreRefusedAtOnce) {
  const ScratchFolder folder;
  EXPECT_THAT(message_of(Identity::from_pem_files("/dev/zero", "/dev/zero")),
              HasSubstr("'/dev/zero' is not a regular file"));
  // A sparse file: nobody may try to hold it in memory.
  const std::string large = folder.write("large.pem", "x");
  std::filesystem::resize_file(large, std::uintmax_t{1} << 40);
  EXPECT_THAT(message_of(Identity::from_pem_files(large, large)),
              HasSubstr("'" + large + "' is larger than the 1048576 bytes"));
}

TEST(Trust, KeepsPinnedFingerprints) {
  const std::vector<Fingerprint> pins = {self_signed("a").fingerprint(),
                                         self_signed("b").fingerprint()};
  const Trust trust = Trust::pinned(pins);
  EXPECT_EQ(trust.mode(), Trust::Mode::kPinned);
  EXPECT_EQ(trust.fingerprints(), pins);
  EXPECT_EQ(trust.authorities_pem(), "");
  EXPECT_EQ(Trust::insecure_accept_any().mode(), Trust::Mode::kInsecure);
}

TEST(Trust, KeepsTheCertificatesOfCasAndNothingElseOfTheirText) {
  CertificateSpec spec = named("Test CA");
  spec.is_ca = true;
  const TestCertificate one = TestCertificate::self_signed(spec);
  const TestCertificate two = TestCertificate::self_signed(spec);
  const auto trust = Trust::certificate_authorities("# Test CA\n" + one.certificate_pem() +
                                                    one.private_key_pem() + two.certificate_pem());
  ASSERT_TRUE(trust) << trust.error();
  EXPECT_EQ(trust->mode(), Trust::Mode::kAuthorities);
  EXPECT_EQ(trust->authorities_pem(), one.certificate_pem() + two.certificate_pem());
}

TEST(Trust, SaysWhatIsWrongWithCaText) {
  EXPECT_EQ(message_of(Trust::certificate_authorities("")), "the list of CA certificates is empty");
  EXPECT_THAT(message_of(Trust::certificate_authorities("hello")), HasSubstr("not PEM text"));
  const TestCertificate leaf = TestCertificate::self_signed(named("a"));
  EXPECT_THAT(message_of(Trust::certificate_authorities(leaf.private_key_pem())),
              HasSubstr("no CERTIFICATE block"));
}

TEST(Trust, ReadsCaFilesAndNamesThemInErrors) {
  const ScratchFolder folder;
  const TestCertificate ca = TestCertificate::self_signed(named("Test CA"));
  const std::string good = folder.write("ca.pem", ca.certificate_pem());
  const auto trust = Trust::certificate_authorities_file(good);
  ASSERT_TRUE(trust) << trust.error();
  EXPECT_EQ(trust->authorities_pem(), ca.certificate_pem());
  const std::string bad = folder.write("bad.pem", "hello");
  EXPECT_THAT(message_of(Trust::certificate_authorities_file(bad)), HasSubstr("'" + bad + "'"));
  const std::string missing = folder.path("missing.pem");
  EXPECT_EQ(code_of(Trust::certificate_authorities_file(missing)), StatusCode::kNotFound);
  EXPECT_THAT(message_of(Trust::certificate_authorities_file(missing)), HasSubstr(missing));
}

TEST(Trust, OfTheSystemFollowsSslCertFile) {
  const ScratchFolder folder;
  const TestCertificate ca = TestCertificate::self_signed(named("Test CA"));
  const ScopedEnvironment environment("SSL_CERT_FILE",
                                      folder.write("ca.pem", ca.certificate_pem()));
  const auto trust = Trust::system();
  ASSERT_TRUE(trust) << trust.error();
  EXPECT_EQ(trust->authorities_pem(), ca.certificate_pem());
}

TEST(Trust, OfTheSystemIsUnavailableWhenSslCertFileIsWrong) {
  const ScratchFolder folder;
  const std::string missing = folder.path("missing.pem");
  const ScopedEnvironment environment("SSL_CERT_FILE", missing);
  const auto trust = Trust::system();
  EXPECT_EQ(code_of(trust), StatusCode::kUnavailable);
  EXPECT_THAT(message_of(trust), AllOf(HasSubstr("SSL_CERT_FILE"), HasSubstr(missing)));
}

TEST(Trust, OfTheSystemReadsTheUsualBundleOrSaysWhatToInstall) {
  const ScopedEnvironment environment("SSL_CERT_FILE", "");
  const auto trust = Trust::system();
  if (std::filesystem::exists("/etc/ssl/certs/ca-certificates.crt")) {
    ASSERT_TRUE(trust) << trust.error();
    EXPECT_THAT(trust->authorities_pem(), HasSubstr("BEGIN CERTIFICATE"));
  } else if (!trust) {
    EXPECT_EQ(code_of(trust), StatusCode::kUnavailable);
    EXPECT_THAT(message_of(trust), HasSubstr("install ca-certificates"));
  }
}

}  // namespace
}  // namespace echostream
