#!/bin/sh
# Makes the key files of the signature tests afresh with OpenSSL 3. The keys are worthless; the password is "mật khẩu".
# The tests name no certificate by value, so that new files need no change in them.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
password='mật khẩu'
printf '%s' "$password" >"$work/pass"

key() { # NAME OPTIONS...: a private key
    name=$1
    shift
    openssl genpkey -quiet "$@" -out "$work/$name.key"
}

issue() { # NAME ISSUER SUBJECT EXTENSIONS: a certificate for a century; ISSUER may be NAME itself
    openssl req -new -utf8 -key "$work/$1.key" -subj "$3" -out "$work/$1.csr"
    printf '%b' "$4" >"$work/$1.ext"
    if [ "$1" = "$2" ]; then
        openssl x509 -req -in "$work/$1.csr" -key "$work/$1.key" -days 36500 -sha256 -extfile "$work/$1.ext" \
            -out "$work/$1.pem" 2>/dev/null
    else
        openssl x509 -req -in "$work/$1.csr" -CA "$work/$2.pem" -CAkey "$work/$2.key" -CAcreateserial -days 36500 \
            -sha256 -extfile "$work/$1.ext" -out "$work/$1.pem" 2>/dev/null
    fi
}

pack() { # FILE NAME OPTIONS...: a PKCS#12 file with the chain
    file=$1
    name=$2
    shift 2
    openssl pkcs12 -export -inkey "$work/$name.key" -in "$work/$name.pem" -certfile "$work/chain.pem" \
        -passout "file:$work/pass" "$@" -out "$file.p12"
}

authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n'
signing='basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,nonRepudiation\n'
sealed='keyUsage=critical,keyEncipherment\n'

key root -algorithm RSA -pkeyopt rsa_keygen_bits:2048
issue root root '/C=VN/O=Thử nghiệm/CN=Gốc thử nghiệm' "$authority"
key inter -algorithm EC -pkeyopt ec_paramgen_curve:P-384
issue inter root '/C=VN/O=Thử nghiệm/CN=Trung gian thử nghiệm' "$authority"
cat "$work/inter.pem" "$work/root.pem" >"$work/chain.pem"
cp "$work/root.pem" root.pem

key rsa2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
key rsa4096 -algorithm RSA -pkeyopt rsa_keygen_bits:4096
key rsa1024 -algorithm RSA -pkeyopt rsa_keygen_bits:1024
key p256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
key p384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
key p521 -algorithm EC -pkeyopt ec_paramgen_curve:P-521
key sealed -algorithm EC -pkeyopt ec_paramgen_curve:P-256
for name in rsa2048 rsa4096 rsa1024 p256 p384 p521; do
    issue $name inter "/C=VN/CN=Nguyễn Văn $name" "$signing"
done
issue sealed inter '/C=VN/CN=Không được ký' "$sealed"

for name in rsa2048 rsa4096 rsa1024 p256 p384 p521 sealed; do
    pack $name $name
done
pack rsa2048-rc2-3des rsa2048 -legacy
pack rsa2048-3des rsa2048 -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1
pack p256-aes128 p256 -keypbe AES-128-CBC -certpbe AES-128-CBC
pack p256-sha512-mac p256 -macalg sha512
pack p256-no-mac p256 -nomac
pack p256-plain-certs p256 -certpbe NONE
openssl pkcs12 -export -nokeys -in "$work/p256.pem" -passout "file:$work/pass" -out no-key.p12

# As Firefox would export it: NSS writes BER. (certutil and pk12util of NSS; left as it is where they are missing.)
if command -v pk12util >/dev/null; then
    certutil -N -d "$work" --empty-password
    pk12util -i p256.p12 -d "$work" -w "$work/pass" -K '' >/dev/null
    nickname=$(certutil -L -d "$work" | sed -n 's/ *u,u,u$//p')
    pk12util -o p256-nss.p12 -n "$nickname" -d "$work" -w "$work/pass" -K '' >/dev/null
fi
