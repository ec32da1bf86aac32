def examine(source, address, dns):
    return []
