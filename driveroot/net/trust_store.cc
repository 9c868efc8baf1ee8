// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/trust_store.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <climits>

namespace driveroot {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeInfos {
  void operator()(STACK_OF(X509_INFO) * infos) const {
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
  }
};

}  // namespace

TrustStore::TrustStore(std::string_view pem) {
  if (pem.size() > INT_MAX) return;
  const std::unique_ptr<BIO, FreeBio> bytes(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bytes == nullptr) return;
  const std::unique_ptr<STACK_OF(X509_INFO), FreeInfos> infos(
      PEM_X509_INFO_read_bio(bytes.get(), nullptr, nullptr, nullptr));
  if (infos == nullptr) return;
  std::unique_ptr<X509_STORE, Free> store(X509_STORE_new());
  size_t certificates = 0;
  for (size_t i = 0; i < sk_X509_INFO_num(infos.get()); ++i) {
    X509* certificate = sk_X509_INFO_value(infos.get(), i)->x509;
    if (certificate == nullptr) continue;
    if (X509_STORE_add_cert(store.get(), certificate) != 1) return;
    ++certificates;
  }
  if (certificates == 0) return;
  // As libcurl has it: a certificate that is trusted ends a chain, whether it
  // signed itself or not, and chains to trusted ones come first.
  X509_STORE_set_flags(store.get(),
                       X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  store_ = std::move(store);
}

bool TrustStore::UseFor(SSL_CTX* context) const {
  if (store_ == nullptr) return false;
  X509_STORE_up_ref(store_.get());
  SSL_CTX_set_cert_store(context, store_.get());
  return true;
}

}  // namespace driveroot
