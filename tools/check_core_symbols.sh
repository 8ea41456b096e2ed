#!/bin/sh
# Checks what the layers without I/O call: nothing that reads a clock, chance, a file, the environment, or
# touches a socket.
#   tools/check_core_symbols.sh <libechostream_core.a> [<libechostream_transport.a>]
# The first may be any library that has to do without QUIC as well, such as the gateway's protocol.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: $0 <libechostream_core.a> [<libechostream_transport.a>]" >&2
  exit 2
fi

io='uv_[a-z]|(socket|bind|connect|sendto|sendmsg|sendmmsg|recvfrom|recvmsg|recvmmsg|getaddrinfo|poll|epoll_wait|select)(@|$)'
clock='(clock_gettime|gettimeofday|time|nanosleep|usleep)(@|$)|std::chrono::.*_clock::now'
chance='std::random_device|(rand|random|getrandom|getentropy|arc4random)(@|$)|RAND_(bytes|pseudo_bytes)'
world='(secure_)?getenv(@|$)|(fopen|fopen64|open|open64|pthread_create|fork|system)(@|$)|std::(thread::_M_start_thread|basic_[io]?fstream|basic_filebuf)'
quic='ngtcp2_|nghttp3_|(SSL|EVP|CRYPTO|BIO|X509)_|google::protobuf'

# What users call before there is a connection, in transport: object file and symbol. PEM files that the user
# names, where the system keeps its CAs, the serial number of a new certificate. Keys of session tickets are
# BoringSSL's random numbers, as all keys are: no seed of a simulation must ever decide them.
set_up='(pem\.cc\.o open|trust\.cc\.o (secure_)?getenv|(issue_certificate|self_signed|ticket_keys)\.cc\.o RAND_bytes)(@|$)'

check() {
  library=$1
  forbidden=$2
  except=$3
  # Lines "object symbol"; what a library does not define itself follows U, w or v.
  symbols=$(nm --undefined-only --demangle --print-file-name "$library" |
    sed -nE 's/^.*:([^:]+\.o): +[Uwv] (.*)$/\1 \2/p' | sort -u)
  if [ -z "$symbols" ]; then
    echo "check_core_symbols: $library has no symbols; is it built?" >&2
    exit 2
  fi
  found=$(echo "$symbols" | grep -E "^[^ ]+ ($forbidden)" | grep -vE "^($except)" || true)
  if [ -n "$found" ]; then
    echo "$library must do no I/O and read no clock, but it calls:"
    echo "$found" | sed 's/^/  /'
    echo "Pass it in as an argument instead (docs/architecture.md, rule 2)."
    return 1
  fi
  echo "check_core_symbols: $library is pure"
}

result=0
check "$1" "$io|$clock|$chance|$world|$quic" "nothing" || result=1
if [ $# -eq 2 ]; then
  # The TLS library draws its own keys and nonces; transport itself gets random bytes from its owner.
  check "$2" "$io|$clock|$chance|$world" "$set_up" || result=1
fi
exit $result
