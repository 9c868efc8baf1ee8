// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/certificates.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>
#include <utility>

#include "vmtest/fakedrive/server/files.h"

namespace driveroot::fakedrive {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using NamesPtr =
    std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;

Error TlsError(std::string_view what) {
  return {ErrorCode::kInternal, std::string(what) + ": " + TlsErrors()};
}

KeyPtr NewKey() {
  std::unique_ptr<EC_KEY, OpensslFree<EC_KEY_free>> curve(
      EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  KeyPtr key(EVP_PKEY_new());
  if (!curve || !key || EC_KEY_generate_key(curve.get()) != 1 ||
      EVP_PKEY_set1_EC_KEY(key.get(), curve.get()) != 1)
    return nullptr;
  return key;
}

bool AddExtension(X509* certificate, int nid, const X509V3_CTX& context,
                  const char* value) {
  X509V3_CTX copy = context;
  std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>> extension(
      X509V3_EXT_nconf_nid(nullptr, &copy, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool AddName(GENERAL_NAMES* names, const std::string& name) {
  std::array<unsigned char, 16> address;
  size_t address_size = 0;
  if (inet_pton(AF_INET, name.c_str(), address.data()) == 1) {
    address_size = 4;
  } else if (inet_pton(AF_INET6, name.c_str(), address.data()) == 1) {
    address_size = 16;
  }
  std::unique_ptr<GENERAL_NAME, OpensslFree<GENERAL_NAME_free>> general(
      GENERAL_NAME_new());
  std::unique_ptr<ASN1_STRING, OpensslFree<ASN1_STRING_free>> value(
      address_size > 0 ? ASN1_STRING_type_new(V_ASN1_OCTET_STRING)
                       : ASN1_STRING_type_new(V_ASN1_IA5STRING));
  if (!general || !value) return false;
  const bool set = address_size > 0
                       ? ASN1_STRING_set(value.get(), address.data(),
                                         static_cast<int>(address_size)) == 1
                       : ASN1_STRING_set(value.get(), name.data(),
                                         static_cast<int>(name.size())) == 1;
  if (!set) return false;
  GENERAL_NAME_set0_value(general.get(), address_size > 0 ? GEN_IPADD : GEN_DNS,
                          value.release());
  if (sk_GENERAL_NAME_push(names, general.get()) == 0) return false;
  general.release();
  return true;
}

// A certificate of `subject_key`, signed by `issuer`'s key (or by itself when
// `issuer` is null), still without extensions.
CertificatePtr NewCertificate(const char* common_name, EVP_PKEY* subject_key,
                              const X509* issuer) {
  CertificatePtr certificate(X509_new());
  uint64_t serial = 0;
  if (!certificate ||
      RAND_bytes(reinterpret_cast<uint8_t*>(&serial), sizeof serial) != 1)
    return nullptr;
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  // 63 bits: a serial number is positive.
  if (ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()),
                              serial >> 1) != 1 ||
      X509_set_version(certificate.get(), 2) != 1 ||
      ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()),
                           "200101000000Z") != 1 ||
      ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()),
                           "491231235959Z") != 1 ||
      X509_NAME_add_entry_by_txt(
          subject, "CN", MBSTRING_ASC,
          reinterpret_cast<const unsigned char*>(common_name), -1, -1,
          0) != 1 ||
      X509_set_issuer_name(
          certificate.get(),
          issuer != nullptr ? X509_get_subject_name(issuer) : subject) != 1 ||
      X509_set_pubkey(certificate.get(), subject_key) != 1)
    return nullptr;
  return certificate;
}

CertificatePtr NewAuthority(EVP_PKEY* key) {
  // The same name for all would make clients mix two authorities up.
  std::array<uint8_t, 4> random;
  if (RAND_bytes(random.data(), random.size()) != 1) return nullptr;
  std::string name = "fakedrive test authority ";
  for (const uint8_t byte : random) name += std::to_string(byte) + ".";
  name.pop_back();
  CertificatePtr certificate = NewCertificate(name.c_str(), key, nullptr);
  if (!certificate) return nullptr;
  X509V3_CTX context = {};
  X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr,
                 nullptr, 0);
  if (!AddExtension(certificate.get(), NID_basic_constraints, context,
                    "critical,CA:TRUE") ||
      !AddExtension(certificate.get(), NID_key_usage, context,
                    "critical,keyCertSign,cRLSign") ||
      !AddExtension(certificate.get(), NID_subject_key_identifier, context,
                    "hash") ||
      X509_sign(certificate.get(), key, EVP_sha256()) == 0)
    return nullptr;
  return certificate;
}

Result<std::string> KeyToPem(EVP_PKEY* key) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0,
                                       nullptr, nullptr) != 1)
    return std::unexpected(TlsError("cannot encode a key"));
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<size_t>(size));
}

Result<std::string> CertificateToPem(X509* certificate) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1)
    return std::unexpected(TlsError("cannot encode a certificate"));
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<size_t>(size));
}

BioPtr MemoryBio(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int SelectProtocol(SSL* /*tls*/, const uint8_t** out, uint8_t* out_size,
                   const uint8_t* offered, unsigned offered_size,
                   void* /*argument*/) {
  static const uint8_t kOurs[] = "\x02h2\x08http/1.1";
  uint8_t* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kOurs, sizeof kOurs - 1,
                            offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::string TlsErrors() {
  std::string text;
  while (const auto code = ERR_get_error()) {
    std::array<char, 256> line;
    ERR_error_string_n(code, line.data(), line.size());
    if (!text.empty()) text += "; ";
    text += line.data();
  }
  return text.empty() ? "no further detail" : text;
}

Result<CertificateAuthority> CertificateAuthority::LoadOrCreate(
    const std::string& folder) {
  const std::string certificate_path = folder + "/ca.pem";
  const std::string key_path = folder + "/ca_key.pem";
  if (FileExists(certificate_path)) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string key_pem,
                               ReadFile(key_path, kMaxSmallFileBytes));
    DRIVEROOT_ASSIGN_OR_RETURN(std::string pem,
                               ReadFile(certificate_path, kMaxSmallFileBytes));
    KeyPtr key(PEM_read_bio_PrivateKey(MemoryBio(key_pem).get(), nullptr,
                                       nullptr, nullptr));
    CertificatePtr certificate(
        PEM_read_bio_X509(MemoryBio(pem).get(), nullptr, nullptr, nullptr));
    if (!key || !certificate ||
        X509_check_private_key(certificate.get(), key.get()) != 1)
      return Fail(ErrorCode::kDataLoss,
                  certificate_path + " and " + key_path +
                      " do not belong together or are damaged (" + TlsErrors() +
                      "); remove both to have new ones made");
    return CertificateAuthority(std::move(key), std::move(certificate),
                                std::move(pem));
  }
  KeyPtr key = NewKey();
  CertificatePtr certificate = key ? NewAuthority(key.get()) : nullptr;
  if (!certificate)
    return std::unexpected(TlsError("cannot make a certificate authority"));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string key_pem, KeyToPem(key.get()));
  DRIVEROOT_ASSIGN_OR_RETURN(std::string pem,
                             CertificateToPem(certificate.get()));
  // The key first: a certificate's presence means that both are there.
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(key_path, key_pem, 0600));
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(certificate_path, pem, 0644));
  return CertificateAuthority(std::move(key), std::move(certificate),
                              std::move(pem));
}

Result<TlsContextPtr> CertificateAuthority::MakeServerContext(
    const std::vector<std::string>& names,
    const std::string& valid_from) const {
  KeyPtr key = NewKey();
  CertificatePtr certificate =
      key ? NewCertificate("fakedrive", key.get(), certificate_.get())
          : nullptr;
  NamesPtr alternatives(GENERAL_NAMES_new());
  if (!certificate || !alternatives)
    return std::unexpected(TlsError("cannot make a server certificate"));
  for (const std::string& name : names) {
    if (!AddName(alternatives.get(), name))
      return std::unexpected(TlsError("cannot certify the name " + name));
  }
  if (!valid_from.empty() &&
      ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()),
                           valid_from.c_str()) != 1)
    return std::unexpected(TlsError(valid_from + " is no time"));
  X509V3_CTX context = {};
  X509V3_set_ctx(&context, certificate_.get(), certificate.get(), nullptr,
                 nullptr, 0);
  if (!AddExtension(certificate.get(), NID_basic_constraints, context,
                    "critical,CA:FALSE") ||
      !AddExtension(certificate.get(), NID_key_usage, context,
                    "critical,digitalSignature") ||
      !AddExtension(certificate.get(), NID_ext_key_usage, context,
                    "serverAuth") ||
      !AddExtension(certificate.get(), NID_authority_key_identifier, context,
                    "keyid:always") ||
      X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name,
                        alternatives.get(), 0, X509V3_ADD_DEFAULT) != 1 ||
      X509_sign(certificate.get(), key_.get(), EVP_sha256()) == 0)
    return std::unexpected(TlsError("cannot sign a server certificate"));

  TlsContextPtr tls(SSL_CTX_new(TLS_server_method()));
  if (!tls || SSL_CTX_set_min_proto_version(tls.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_use_certificate(tls.get(), certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(tls.get(), key.get()) != 1)
    return std::unexpected(TlsError("cannot set TLS up"));
  SSL_CTX_set_mode(tls.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(tls.get(), SelectProtocol, nullptr);
  return tls;
}

}  // namespace driveroot::fakedrive
