// SPDX-License-Identifier: Apache-2.0
//
// A certificate authority of one's own, kept in a folder so that a restarted
// server is still trusted, and the server certificate that it issues anew at
// each start.
//
// Validity runs from 2020 to the end of 2049: virtual machines boot with clocks
// that are years off, and a fixed span keeps a test from failing by date.
#ifndef VMTEST_FAKEDRIVE_SERVER_CERTIFICATES_H_
#define VMTEST_FAKEDRIVE_SERVER_CERTIFICATES_H_

#include <openssl/base.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::fakedrive {

// Calls OpenSSL's own destructors.
template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using TlsContextPtr = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using TlsPtr = std::unique_ptr<SSL, OpensslFree<SSL_free>>;

class CertificateAuthority {
 public:
  // Reads ca.pem and ca_key.pem (0600) of `folder`, or makes them.
  static Result<CertificateAuthority> LoadOrCreate(const std::string& folder);

  // The authority's certificate, for clients to trust.
  const std::string& pem() const { return pem_; }

  // A server's TLS context (TLS 1.2 and 1.3; ALPN h2, then http/1.1) with a new
  // certificate for `names`: DNS names, IPv4 and IPv6 addresses. It is valid
  // from `valid_from` on, "YYMMDDHHMMSSZ"; empty: since 2020.
  Result<TlsContextPtr> MakeServerContext(
      const std::vector<std::string>& names,
      const std::string& valid_from = "") const;

 private:
  CertificateAuthority(KeyPtr key, CertificatePtr certificate, std::string pem)
      : key_(std::move(key)),
        certificate_(std::move(certificate)),
        pem_(std::move(pem)) {}

  KeyPtr key_;
  CertificatePtr certificate_;
  std::string pem_;
};

// The text of what TLS has queued as its errors on this thread, which it
// clears.
std::string TlsErrors();

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_CERTIFICATES_H_
