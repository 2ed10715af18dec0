output "name" {
  description = "The cluster's name, known once it has nodes"
  value       = aws_eks_node_group.cpu.cluster_name
}

output "roles" {
  description = "Role -> ARN"
  value       = { for role, made in aws_iam_role.account : role => made.arn }
}

output "vpc_id" {
  description = "The network"
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Subnets of the nodes"
  value       = aws_subnet.private[*].id
}

output "security_group_id" {
  description = "EKS's own, which its nodes have"
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}
