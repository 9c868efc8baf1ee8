// SPDX-License-Identifier: Apache-2.0
//
// TrustStore is the certificates that servers' are checked against, parsed once
// for all connections: libcurl would parse the bundle, some 150 of them, anew
// for each.
//
// Thread-safe once it is made.
#ifndef DRIVEROOT_NET_TRUST_STORE_H_
#define DRIVEROOT_NET_TRUST_STORE_H_

#include <openssl/ssl.h>

#include <memory>
#include <string_view>

namespace driveroot {

class TrustStore {
 public:
  // `pem` holds certificates, and perhaps text between them. One in which there
  // is none, or a broken one, trusts nobody.
  explicit TrustStore(std::string_view pem);

  // Has the connections of `context` checked against it. False: it trusts
  // nobody.
  bool UseFor(SSL_CTX* context) const;

 private:
  struct Free {
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  };

  std::unique_ptr<X509_STORE, Free> store_;  // null: trusts nobody
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_TRUST_STORE_H_
