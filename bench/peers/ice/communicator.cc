#include "bench/peers/ice/communicator.h"

#include <IceSSL/IceSSL.h>

namespace bench::ice {

Ice::CommunicatorPtr make_communicator(const std::string& certificate, const std::string& key) {
  Ice::registerIceSSL();
  Ice::InitializationData data;
  data.properties = Ice::createProperties();
  const auto set = [&](const char* name, const std::string& value) {
    data.properties->setProperty(name, value);
  };
  if (key.empty()) {
    set("IceSSL.CAs", certificate);
  } else {
    set("IceSSL.CertFile", certificate);
    set("IceSSL.KeyFile", key);
    set("IceSSL.VerifyPeer", "0");  // as in the other systems, clients show no certificate
  }
  // Idle connections are to stay, and to stay idle.
  set("Ice.ACM.Close", "0");
  set("Ice.ACM.Heartbeat", "0");
  set("Ice.ThreadPool.Server.Size", "1");
  set("Ice.ThreadPool.Client.Size", "1");
  set("Ice.BatchAutoFlushSize", "0");  // the client flushes, and so waits while the network is slow
  return Ice::initialize(data);
}

std::string endpoint_of(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  return "ssl -h " + address.substr(0, colon) + " -p " + address.substr(colon + 1);
}

}  // namespace bench::ice
